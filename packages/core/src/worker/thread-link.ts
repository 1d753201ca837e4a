import type { Socket } from "node:net";
import { Worker } from "node:worker_threads";

import { ErrorCode, SocketServerError, toError } from "../errors.ts";
import { descriptorLimit, openDescriptors } from "../transport/descriptors.ts";
import { entryBeside } from "./entry-beside.ts";
import { messageIn } from "./envelope.ts";
import type { ConnectionMessage, ToWorker } from "./messages.ts";
import type { LinkLimits, LinkListener, WorkerLink } from "./worker-link.ts";

/** With fewer left, sockets stay on the listener side: several threads may be given one at the same time. */
const MIN_FREE_DESCRIPTORS = 16;

/** Looking costs some microseconds. */
const MAX_UNSEEN_MOVES = 16;

const MEBIBYTE = 1_048_576;

/** A worker that is a thread. A socket moves there by transfer: it leaves this thread, and arrives unread. */
export class ThreadLink implements WorkerLink {
  readonly #name: string;
  readonly #limits: LinkLimits;
  readonly #descriptorLimit = descriptorLimit();
  /** How many may move before it is looked again how many descriptors are left. */
  #unseenMoves = 0;
  #thread: Worker | undefined;

  constructor(id: number, limits: LinkLimits) {
    this.#name = `socketserver-${id}`;
    this.#limits = limits;
  }

  start(listener: LinkListener): void {
    const { maxHeapSize } = this.#limits;
    const resourceLimits =
      maxHeapSize === undefined ? {} : { maxOldGenerationSizeMb: Math.ceil(maxHeapSize / MEBIBYTE) };
    let thread: Worker;
    try {
      thread = new Worker(entryBeside(import.meta.url, "thread-entry"), { name: this.#name, resourceLimits });
    } catch (error) {
      listener.exited(error as Error);
      return;
    }
    this.#thread = thread;
    thread.on("message", (received: unknown) => {
      const message = messageIn(received);
      if (message !== undefined) listener.message(message);
    });
    thread.on("error", (thrown: unknown) => listener.crashed(toError(thrown)));
    thread.on("exit", (code) => listener.exited(exitError(code)));
  }

  post(message: ToWorker, moves?: readonly ArrayBuffer[]): void {
    this.#thread?.postMessage({ socketserver: message }, [...(moves ?? [])]);
  }

  move(message: ConnectionMessage, socket: Socket): boolean {
    this.#thread?.postMessage({ socketserver: message, socket }, [socket as never]);
    // Posting to a thread that has ended throws nothing, and leaves the socket here.
    return socket.destroyed;
  }

  /** A transfer needs a descriptor for a moment. Without one, the runtime loses the socket, and the descriptor that it has. */
  canMove(): boolean {
    if (this.#unseenMoves-- > 0) return true;
    const free = this.#descriptorLimit - openDescriptors();
    this.#unseenMoves = Math.min(Math.floor(free / MIN_FREE_DESCRIPTORS) - 1, MAX_UNSEEN_MOVES);
    return free > MIN_FREE_DESCRIPTORS;
  }

  taken(): void {
    // The socket left when it was posted.
  }

  forget(): void {
    // The same.
  }

  kill(): void {
    void this.#thread?.terminate();
  }
}

function exitError(code: number): SocketServerError {
  return new SocketServerError(ErrorCode.workerLost, `Cannot go on in worker: its thread exited with code ${code}`);
}
