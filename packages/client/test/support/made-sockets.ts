import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:dgram";

/** Sees every UDP socket that this process makes, to let one fail as a kernel does when a network goes down. */
export class MadeSockets implements Disposable {
  /** In the order in which they were made. */
  readonly sockets: Socket[] = [];

  readonly #change: (socket: Socket) => void;

  /** @param change - Makes a socket behave as a kernel will not on demand. */
  constructor(change: (socket: Socket) => void = () => {}) {
    this.#change = change;
    subscribe("udp.socket", this.#made);
  }

  /** Let the last socket fail. */
  breakLast(code = "ENETDOWN"): Error {
    const error = Object.assign(new Error(`recvmsg ${code}`), { code });
    this.sockets.at(-1)?.emit("error", error);
    return error;
  }

  [Symbol.dispose](): void {
    unsubscribe("udp.socket", this.#made);
  }

  readonly #made = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    this.sockets.push(socket);
    this.#change(socket);
  };
}
