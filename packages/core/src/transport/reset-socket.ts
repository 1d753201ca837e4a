import type { Socket } from "node:net";

import { codeOf } from "../errors.ts";

/**
 * Close a socket so that its peer sees a reset, and does not take the end of the connection for the end of an answer.
 *
 * Two cases know no reset, and are closed, with what is pending lost: Unix sockets, for which Node throws; and a socket whose end is just being
 * sent, for which libuv answers `EINVAL`, whereupon Node would never close it.
 */
export function resetSocket(socket: Socket): void {
  const endUnderWay = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished;
  if (endUnderWay) {
    socket.destroy();
    return;
  }
  try {
    socket.resetAndDestroy();
  } catch (error) {
    if (codeOf(error) !== "ERR_INVALID_HANDLE_TYPE") throw error;
    socket.destroy();
  }
}
