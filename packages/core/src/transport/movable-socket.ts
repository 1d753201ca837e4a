import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** The stream, if it is a plain socket that the runtime may move; what wraps one (TLS), or is none, cannot move. */
export function movableSocket(stream: Duplex): Socket | undefined {
  return stream instanceof Socket && stream.constructor === Socket ? stream : undefined;
}
