import { CloseReason } from "../close-reason.ts";
import { Connection } from "../transport/connection.ts";
import type { Cargo } from "./cargo.ts";
import type { FromWorker } from "./messages.ts";
import type { SocketRelay } from "./socket-relay.ts";

/** A request that a worker has. */
interface Held {
  readonly cargo: Cargo;
  /** Its socket, if that stayed here. */
  readonly relay: SocketRelay | undefined;
  /** When it was handed over, on the clock of `performance.now()`. */
  readonly since: number;
  /** Whether the worker was asked what became of it. */
  asked: boolean;
  /** Its handler has not ended. */
  running: boolean;
  /** Its connection is not closed. */
  open: boolean;
}

/** How old a hand-over may be that the worker has not acknowledged, before it gets no further one, in milliseconds. */
const ACKNOWLEDGE_MS = 50;

/** How many hand-overs may wait to be acknowledged: what waits in a thread that dies is lost with it. */
const MAX_UNACKNOWLEDGED = 16;

/** The requests of one worker, from being handed over to being gone, and what they come to. */
export class HeldRequests {
  readonly #held = new Map<number, Held>();
  /** Of those, the ones that the worker has not acknowledged, oldest first. */
  readonly #unacknowledged = new Set<number>();
  #onEmpty: (() => void) | undefined;
  #active = 0;
  #served = 0;
  #ended = 0;
  #bytesRead = 0;
  #bytesWritten = 0;

  /** Requests whose handler runs. */
  get active(): number {
    return this.#active;
  }

  /** Requests that were handed over in all. */
  get served(): number {
    return this.#served;
  }

  /** Requests that ended in the worker, however they did. */
  get ended(): number {
    return this.#ended;
  }

  /** Requests of which something is left. */
  get size(): number {
    return this.#held.size;
  }

  /** Whether anything of them comes and goes through this side. */
  get passThrough(): boolean {
    for (const { cargo, relay } of this.#held.values()) {
      if (relay !== undefined || !(cargo.content instanceof Connection)) return true;
    }
    return false;
  }

  /** Whether nothing is left of any request. */
  get empty(): boolean {
    return this.#held.size === 0;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Whether the worker has acknowledged what it was given, but for what is under way just now. */
  get acknowledged(): boolean {
    if (this.#unacknowledged.size >= MAX_UNACKNOWLEDGED) return false;
    const [oldest] = this.#unacknowledged;
    const held = oldest === undefined ? undefined : this.#held.get(oldest);
    return held === undefined || performance.now() - held.since < ACKNOWLEDGE_MS;
  }

  /** The requests that it should have acknowledged by now; each is told once, or a second answer would be about a later hand-over. */
  toAskFor(): readonly number[] {
    const ids: number[] = [];
    for (const id of this.#unacknowledged) {
      const held = this.#held.get(id);
      if (held === undefined || held.asked || performance.now() - held.since < ACKNOWLEDGE_MS) continue;
      held.asked = true;
      ids.push(id);
    }
    return ids;
  }

  /** The relay of a request that has one. */
  relayOf(id: number): SocketRelay | undefined {
    return this.#held.get(id)?.relay;
  }

  // What becomes of a request.

  /** It was handed over. */
  add(cargo: Cargo, relay: SocketRelay | undefined): void {
    const { id } = cargo.request;
    this.#held.set(id, { cargo, relay, since: performance.now(), asked: false, running: true, open: true });
    this.#unacknowledged.add(id);
    this.#served++;
    this.#active++;
  }

  /** The worker has it. */
  taken(id: number): void {
    this.#unacknowledged.delete(id);
  }

  /** It has not come, and will not: what of it is on this side, to be given to another worker; undefined if that is nothing, and it is lost. */
  missed(id: number): Cargo | undefined {
    const held = this.#held.get(id);
    if (held === undefined || !this.#unacknowledged.delete(id)) return undefined;
    this.#stop(held);
    this.#held.delete(id);
    const { cargo, relay } = held;
    const stillHere = isStillHere(cargo);
    if (stillHere) relay?.release();
    else cargo.request.lost(CloseReason.workerLost);
    if (this.empty) this.#onEmpty?.();
    return stillHere ? cargo : undefined;
  }

  /** Its handler has ended. */
  done(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#stop(held);
    held.cargo.request.done();
  }

  /** Its deadline has passed, and its handler goes on: it is waited for no longer. */
  pastDeadline(id: number): void {
    const held = this.#held.get(id);
    if (held !== undefined) this.#stop(held);
  }

  /** Its connection is closed. */
  closed({ id, reason, bytesRead, bytesWritten, idleMs }: Extract<FromWorker, { readonly type: "closed" }>): void {
    this.#bytesRead += bytesRead;
    this.#bytesWritten += bytesWritten;
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.open = false;
    const lastActivity = performance.now() - idleMs;
    held.cargo.request.closed(reason, { bytesRead, bytesWritten, lastActivity });
  }

  /** Nothing is left of it. */
  gone(id: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#stop(held);
    this.#held.delete(id);
    this.#unacknowledged.delete(id);
    this.#ended++;
    held.cargo.request.gone();
    if (this.empty) this.#onEmpty?.();
  }

  // What happens to all of them.

  /** Tell them to end. */
  drain(): void {
    for (const { cargo } of this.#held.values()) cargo.request.drain();
  }

  /** Reset them. */
  cut(): void {
    for (const { cargo } of this.#held.values()) cargo.request.cut(CloseReason.drain);
  }

  /** The worker is gone, and with it those that it has seen; how many connections were lost that way, and the requests that it has not seen. */
  lose(reason: CloseReason): { lost: number; unseen: Cargo[] } {
    const unseen: Cargo[] = [];
    let lost = 0;
    for (const [id, { cargo, relay, open }] of this.#held) {
      if (this.#unacknowledged.has(id) && isStillHere(cargo)) {
        relay?.release();
        unseen.push(cargo);
      } else {
        if (open) lost++;
        relay?.reset();
        cargo.request.lost(reason, relay?.traffic);
      }
    }
    this.#held.clear();
    this.#unacknowledged.clear();
    this.#active = 0;
    this.#onEmpty?.();
    return { lost, unseen };
  }

  /** Wait until nothing is left of them; whether that was so within `ms`. */
  async emptyWithin(ms: number): Promise<boolean> {
    if (this.empty) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#onEmpty = undefined;
    return this.empty;
  }

  #stop(held: Held): void {
    if (held.running) this.#active--;
    held.running = false;
  }
}

/** Whether all of a request that a worker did not acknowledge is on this side: a socket that was transferred is not. */
function isStillHere({ content }: Cargo): boolean {
  return !(content instanceof Connection) || !content.socket.destroyed;
}
