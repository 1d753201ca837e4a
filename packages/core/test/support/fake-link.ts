import type { Socket } from "node:net";

import type { ConnectionMessage, FromWorker, ToWorker } from "../../src/worker/messages.ts";
import type { LinkListener, WorkerLink } from "../../src/worker/worker-link.ts";

/** A worker without a thread or a process: the test says what it does. */
export class FakeLink implements WorkerLink {
  /** What was said to it, but for how it began. */
  readonly posted: ToWorker[] = [];
  /** Buffers that were moved to it. */
  readonly buffers: ArrayBuffer[] = [];
  /** The ids of the requests that it was given, in order. */
  readonly given: number[] = [];
  /** The ids of the requests of which its sender knows that they have arrived. */
  readonly known: number[] = [];
  /** The ids of the requests that never arrived. */
  readonly forgotten: number[] = [];
  /** Whether sockets can be moved now. */
  movable = true;
  /** What it has left, as its beats tell. */
  freeDescriptors = Infinity;
  started = false;
  kills = 0;
  /** What becomes of a socket that is moved: it leaves, as to a thread; it is copied, as to a process; or it cannot be moved. */
  moving: "leaves" | "copied" | "refused" = "leaves";
  /** Whether it ends when it is told to, and when it is killed. */
  stops = true;
  dies = true;
  readonly #onStop: () => void;
  #listener: LinkListener | undefined;

  constructor(onStop: () => void = () => {}) {
    this.#onStop = onStop;
  }

  start(listener: LinkListener): void {
    this.started = true;
    this.#listener = listener;
  }

  post(message: ToWorker, moves: readonly ArrayBuffer[] = []): void {
    // As any link, it refuses what cannot be cloned.
    structuredClone(message);
    this.posted.push(message);
    this.buffers.push(...moves);
    if (message.type === "connection" || message.type === "datagram") this.given.push(message.id);
    if (message.type !== "stop") return;
    this.#onStop();
    if (this.stops) queueMicrotask(() => this.exit(new Error("stopped")));
  }

  move(message: ConnectionMessage, socket: Socket): boolean {
    if (this.moving === "refused") return false;
    if (this.moving === "leaves") socket.destroy();
    this.post(message);
    return true;
  }

  canMove(): boolean {
    return this.movable;
  }

  taken(id: number): void {
    this.known.push(id);
  }

  forget(id: number): void {
    this.forgotten.push(id);
  }

  kill(): void {
    this.kills++;
    if (this.dies) queueMicrotask(() => this.exit(new Error("killed")));
  }

  /** The kinds of what was said to it, in order. */
  get heard(): string[] {
    return this.posted.map(({ type }) => type);
  }

  // What it does.

  say(...messages: readonly FromWorker[]): void {
    for (const message of messages) this.#listener?.message(message);
  }

  becomeReady(): void {
    this.say({ type: "ready" });
  }

  beat(): void {
    this.say({ type: "beat", beat: { eventLoopDelayMs: 0, heapUsed: 0, freeDescriptors: this.freeDescriptors } });
  }

  /** Acknowledge every request that it was given. */
  takeAll(): void {
    for (const id of this.given) this.say({ type: "taken", id });
  }

  /** Take a request, and be done with it. */
  finish(id: number): void {
    this.say({ type: "taken", id }, { type: "done", id });
    this.say({ type: "closed", id, reason: "done", bytesRead: 3, bytesWritten: 5, idleMs: 0 }, { type: "gone", id });
  }

  crash(error: Error): void {
    this.#listener?.crashed(error);
  }

  failToDeliver(): void {
    this.#listener?.undelivered();
  }

  exit(error: Error = new Error("exited")): void {
    this.#listener?.exited(error);
  }
}
