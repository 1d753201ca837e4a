import type { Socket } from "node:net";

import type { ConnectionMessage, FromWorker, ToWorker } from "./messages.ts";

/** What a link tells. */
export interface LinkListener {
  message(message: FromWorker): void;
  /** Something that nobody caught there ends the worker. */
  crashed(error: Error): void;
  /** A socket could not be moved although the worker lives: it is still here. */
  undelivered(): void;
  /** Called once, last: the worker is gone. The error says how it ended, which may be what we wanted. */
  exited(error: Error): void;
}

/** What a worker is made of, a thread or a process, and the way to speak with it. */
export interface WorkerLink {
  /** Start it. What goes wrong is told by `exited`. */
  start(listener: LinkListener): void;
  /**
   * Say something; what is said to a worker that is gone is lost. Throws if it cannot be cloned. The buffers in `moves` leave this thread, where there
   * are threads.
   */
  post(message: ToWorker, moves?: readonly ArrayBuffer[]): void;
  /**
   * Move a socket there; false if that is impossible because the worker is gone. A thread owns it from now on. Of a process that is not sure, so
   * a descriptor of the socket stays here until `taken`.
   */
  move(message: ConnectionMessage, socket: Socket): boolean;
  /** Whether a socket that is moved now will arrive. */
  canMove(): boolean;
  /** The worker says that it has a socket. */
  taken(id: number): void;
  /** A socket has not arrived, and will be moved elsewhere. */
  forget(id: number): void;
  /** End it at once. */
  kill(): void;
}

/** What limits a worker. */
export interface LinkLimits {
  /** Bytes of JavaScript heap; undefined for the runtime's own limit. */
  readonly maxHeapSize: number | undefined;
}
