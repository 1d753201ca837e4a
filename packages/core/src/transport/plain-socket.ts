import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Whether a stream is a TCP or Unix socket of Node's own class: what is known of how that works holds for no subclass, such as that of TLS. */
export function isPlainSocket(stream: Duplex): stream is Socket {
  return stream instanceof Socket && Object.getPrototypeOf(stream) === Socket.prototype;
}
