import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { RelayFromWorker, RelayToWorker } from "../../src/worker/relay-messages.ts";
import { RelayedSocket } from "../../src/worker/relayed-socket.ts";
import { SocketRelay } from "../../src/worker/socket-relay.ts";

/** Both ends of a relay in one thread, joined by two queues that clone as a message port does. */
export class RelayPair {
  /** The listener side's end. */
  readonly relay: SocketRelay;
  /** The worker's end. */
  readonly socket: RelayedSocket;
  /** The kinds of what was said in each direction, in order; all messages of data in a row are one. */
  readonly toWorker: string[] = [];
  readonly fromWorker: string[] = [];
  /** Most bytes that were sent and not yet taken in: by the reader of the worker's end, and by the socket. */
  mostIn = 0;
  mostOut = 0;
  #received = 0;
  #consumed = 0;
  #writing = 0;

  constructor(stream: Duplex, highWaterMark: number) {
    const socket = new RelayedSocket((part, moves = []) => {
      note(this.fromWorker, part.kind);
      this.#countOut(part);
      this.#carry(structuredClone(part, { transfer: [...moves] }), (copy) => this.relay.receive(copy));
    }, highWaterMark);
    this.relay = new SocketRelay(stream, (part, moves = []) => {
      note(this.toWorker, part.kind);
      if (part.kind === "written") this.#writing = 0;
      if (part.kind === "data") {
        this.#received += part.chunk.length;
        this.mostIn = Math.max(this.mostIn, this.#received - this.#consumed);
      }
      this.#carry(structuredClone(part, { transfer: [...moves] }), (copy) => socket.receive(copy));
    });
    this.socket = socket;
  }

  /** The reader of the worker's end has taken so many bytes. */
  consumed(bytes: number): void {
    this.#consumed += bytes;
  }

  #countOut(part: RelayFromWorker): void {
    if (part.kind !== "data") return;
    this.#writing += part.chunks.reduce((sum, { length }) => sum + length, 0);
    this.mostOut = Math.max(this.mostOut, this.#writing);
  }

  #carry<Part extends RelayToWorker | RelayFromWorker>(part: Part, receive: (part: Part) => void): void {
    void nextTurn().then(() => receive(part));
  }
}

function note(kinds: string[], kind: string): void {
  if (kind !== "data" || kinds.at(-1) !== "data") kinds.push(kind);
}
