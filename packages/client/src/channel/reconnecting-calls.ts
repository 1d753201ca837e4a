import { ErrorCode } from "@socketserver/core";

import { ClientErrorCode } from "../client-error-code.ts";
import type { Patience } from "../patience.ts";
import { RequestError } from "../request-error.ts";
import { ReconnectingCall, type CallPlan } from "./reconnecting-call.ts";
import { WaitingCalls, type WaitingCall } from "./waiting-calls.ts";

/** What calls need of a channel. */
interface Openable {
  readonly open: boolean;
}

/** Calls over the connection that there is, or over the next one: until there will be none. */
export class ReconnectingCalls<Channel extends Openable> {
  readonly #size: number;
  readonly #connect: () => void;
  readonly #waiting: WaitingCalls<Channel>;
  #current: Channel | undefined;
  #lastError: Error | undefined;
  /** What calls are rejected with, once there will be no connection. */
  #end: { readonly code: string; readonly message: string; readonly cause?: unknown } | undefined;

  /**
   * @param size - Requests and messages that may wait for a connection.
   * @param connect - Called when one is needed, perhaps again.
   */
  constructor(size: number, connect: () => void) {
    this.#size = size;
    this.#connect = connect;
    this.#waiting = new WaitingCalls(size);
  }

  /** The connection that there is. */
  get current(): Channel | undefined {
    return this.#current;
  }

  /** Make a call. */
  call<Value>(plan: CallPlan<Channel, Value>): Promise<Value> {
    return new ReconnectingCall(plan, (call, patience) => this.#run(call, patience)).start();
  }

  /** There is a connection: those who wait go on, in their order. */
  use(channel: Channel): void {
    this.#current = channel;
    this.#waiting.release(channel);
  }

  /** It is lost. */
  lose(channel: Channel): void {
    if (this.#current === channel) this.#current = undefined;
  }

  /** An attempt has failed, or a connection was lost: whoever waits in vain is told. */
  failed(error: Error | undefined): void {
    this.#lastError = error;
  }

  /** There will be none: because of this error, or because this side has closed. */
  close(failure: RequestError | undefined): void {
    this.#end = failure ?? {
      code: ErrorCode.connectionClosed,
      message: "Cannot use channel: this side closed it",
    };
    this.#waiting.giveUp((sent) => this.#ended(sent));
  }

  /** What a call is rejected with when its time is over: if there is no connection, that is why. */
  timedOut(code: string, problem: string, sent: boolean): RequestError {
    if (this.#current !== undefined) return new RequestError(code, problem, { sent });
    const cause = this.#lastError;
    return new RequestError(code, `${problem}: ${cause?.message ?? "there is no connection"}`, { sent, cause });
  }

  #run(call: WaitingCall<Channel>, patience: Patience): void {
    if (this.#end !== undefined) {
      call.giveUp(this.#ended(call.sent));
      return;
    }
    if (this.#current?.open === true) {
      call.run(this.#current);
      return;
    }
    const waits = this.#waiting.add(call, patience);
    this.#connect();
    if (waits) return;
    const problem = `Cannot send: ${this.#size} messages wait already (requestQueueSize)`;
    call.giveUp(new RequestError(ClientErrorCode.queueFull, problem, { sent: call.sent }));
  }

  #ended(sent: boolean): RequestError {
    const { code = ErrorCode.connectionClosed, message = "", cause } = this.#end ?? {};
    return new RequestError(code, message, { sent, cause });
  }
}
