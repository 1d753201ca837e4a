import { ClientErrorCode } from "../client-error-code.ts";
import { isOwnClose } from "../is-own-close.ts";
import type { Patience } from "../patience.ts";
import { RequestError } from "../request-error.ts";
import type { Confirmation } from "../waiter.ts";
import type { Turn } from "./conversation.ts";
import type { WaitingCall } from "./waiting-calls.ts";

/** What an attempt answers if its connection has ended first, and nothing else is to be said. */
export const LOST = Symbol("lost");

/** What would not be better over the next connection. */
const FINAL: ReadonlySet<string> = new Set([
  ClientErrorCode.requestTimeout,
  ClientErrorCode.queueFull,
  ClientErrorCode.outOfStep,
]);

/** What a call needs of a channel. */
interface Openable {
  readonly open: boolean;
}

/** What a {@link ReconnectingCall} does, and how long. */
export interface CallPlan<Channel, Value> {
  /** Do it over one connection. */
  attempt(channel: Channel, turn: Turn): Promise<Value | typeof LOST>;
  /** How long it may take in all, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** How often it may be done again although the other side may have got it. */
  readonly resends: number;
  /** Whether it counts among those whose number is bounded while there is no connection. */
  readonly bounded: boolean;
  /** What it rejects with when its time is over. */
  timedOut(sent: boolean): Error;
  /** Called before it gives up for its time while there is no connection. */
  readonly confirm?: Confirmation;
}

/** A call that goes on over the next connection if the one that it began on is lost, and settles once. */
export class ReconnectingCall<Channel extends Openable, Value> implements WaitingCall<Channel> {
  readonly promise: Promise<Value>;
  readonly #plan: CallPlan<Channel, Value>;
  readonly #endsAt: number;
  readonly #resolve: (value: Value) => void;
  readonly #reject: (error: unknown) => void;
  readonly #again: () => void;
  #hasPlace = false;
  #sent = false;
  #resends = 0;

  /** @param again - Run it over the next connection, or give it up. */
  constructor(plan: CallPlan<Channel, Value>, again: (call: WaitingCall<Channel>, patience: Patience) => void) {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#plan = plan;
    this.#again = () => again(this, this.#patience);
    this.#endsAt = performance.now() + plan.timeoutMs;
  }

  get bounded(): boolean {
    return this.#plan.bounded;
  }

  get hasPlace(): boolean {
    return this.#hasPlace;
  }

  get confirm(): Confirmation | undefined {
    return this.#plan.confirm;
  }

  get sent(): boolean {
    return this.#sent;
  }

  /** Begin: over the connection that there is, or the next one. */
  start(): Promise<Value> {
    this.#again();
    // Whoever is not refused at once has one.
    this.#hasPlace = true;
    return this.promise;
  }

  run(channel: Channel): void {
    this.#plan.attempt(channel, { ...this.#patience, hasPlace: this.#hasPlace }).then(
      (value) => {
        if (value === LOST) this.#again();
        else this.#resolve(value);
      },
      (error: unknown) => this.#failed(error, channel),
    );
  }

  giveUp(reason: unknown): void {
    this.#reject(reason);
    // As with any call that its owner has left alone.
    if (isOwnClose(reason)) this.promise.catch(() => undefined);
  }

  timedOut(): Error {
    return this.#plan.timedOut(this.#sent);
  }

  /** What is left of its time. */
  get #patience(): Patience {
    const { signal } = this.#plan;
    const timeoutMs = Math.max(Math.ceil(this.#endsAt - performance.now()), 0);
    return { timeoutMs, signal };
  }

  #failed(error: unknown, channel: Channel): void {
    if (!(error instanceof RequestError)) {
      this.giveUp(error);
      return;
    }
    const { code, message, cause } = error;
    this.#sent ||= error.sent;
    if (this.#mayGoOn(error, channel)) this.#again();
    else if (code === ClientErrorCode.requestTimeout) this.giveUp(this.timedOut());
    // It may have been sent over an earlier connection.
    else this.giveUp(error.sent === this.#sent ? error : new RequestError(code, message, { sent: true, cause }));
  }

  #mayGoOn({ code, sent }: RequestError, channel: Channel): boolean {
    if (FINAL.has(code)) return false;
    if (channel.open || this.#plan.signal?.aborted === true) return false;
    return !sent || this.#resends++ < this.#plan.resends;
  }
}
