import type { Duplex } from "node:stream";

import { codeOf } from "../errors.ts";

/** Streams that know a reset: `net.Socket`, and its likes. */
interface Resettable {
  resetAndDestroy(): void;
}

/**
 * Close a stream so that its peer sees a reset, and does not take the end of the connection for the end of an answer.
 *
 * Some know no reset, and are closed, with what is pending lost: other streams than sockets; Unix sockets, for which Node throws; and a socket whose
 * end is just being sent, for which libuv answers `EINVAL`, whereupon Node would never close it.
 */
export function resetStream(stream: Duplex & Partial<Resettable>): void {
  const endUnderWay = stream.writableEnded && stream.writableLength === 0 && !stream.writableFinished;
  if (stream.resetAndDestroy === undefined || endUnderWay) {
    stream.destroy();
    return;
  }
  try {
    stream.resetAndDestroy();
  } catch (error) {
    if (codeOf(error) !== "ERR_INVALID_HANDLE_TYPE") throw error;
    stream.destroy();
  }
}
