import type { Patience } from "../patience.ts";
import { Waiter, type Confirmation } from "../waiter.ts";

/** A call that cannot go on without a connection. */
export interface WaitingCall<Channel> {
  /** Whether it counts among those whose number is bounded. */
  readonly bounded: boolean;
  /** Whether it had a place before, here or over an earlier connection, and has one for good. */
  readonly hasPlace: boolean;
  /** Whether the other side may have got it, over an earlier connection. */
  readonly sent: boolean;
  /** Called before it gives up for its time. */
  readonly confirm?: Confirmation | undefined;
  /** There is a connection. */
  run(channel: Channel): void;
  /** There will be none, or not in time. */
  giveUp(error: unknown): void;
  /** What it gives up with when its time is over. */
  timedOut(): Error;
}

/** Calls that wait for a connection, in their order, and bounded. */
export class WaitingCalls<Channel> {
  readonly #size: number;
  readonly #waiting = new Map<WaitingCall<Channel>, Waiter<void>>();
  #bounded = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Let it wait; false if no more may. */
  add(call: WaitingCall<Channel>, patience: Patience): boolean {
    if (call.bounded && !call.hasPlace && this.#bounded >= this.#size) return false;
    const gaveUp = (): void => this.#remove(call);
    const waiter = new Waiter<void>(patience, { timedOut: () => call.timedOut(), gaveUp, confirm: call.confirm });
    waiter.promise.catch((error: unknown) => call.giveUp(error));
    this.#waiting.set(call, waiter);
    if (call.bounded) this.#bounded++;
    return true;
  }

  /** There is a connection: all go on, in their order. */
  release(channel: Channel): void {
    for (const call of this.#takeAll()) call.run(channel);
  }

  /** There will be none. */
  giveUp(error: (sent: boolean) => Error): void {
    for (const call of this.#takeAll()) call.giveUp(error(call.sent));
  }

  #remove(call: WaitingCall<Channel>): void {
    if (this.#waiting.delete(call) && call.bounded) this.#bounded--;
  }

  #takeAll(): readonly WaitingCall<Channel>[] {
    const calls = [...this.#waiting];
    for (const [call, waiter] of calls) {
      this.#remove(call);
      waiter.resolve();
    }
    return calls.map(([call]) => call);
  }
}
