import { Socket } from "node:net";

/** A socket with nothing behind it, to ask the runtime what it can do with sockets. */
export function unconnectedSocket(): Socket {
  return new Socket();
}
