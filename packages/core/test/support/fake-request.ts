import type { Address } from "../../src/address.ts";
import type { CloseReason } from "../../src/close-reason.ts";
import type { ServerRequest } from "../../src/transport/server-request.ts";

/** A request without a transport: it remembers what was done to it, and closes when it is destroyed or cut. */
export class FakeRequest implements ServerRequest {
  readonly remoteAddress: Address;
  readonly signal: AbortSignal = new AbortController().signal;
  readonly drainSignal: AbortSignal = new AbortController().signal;
  closeReason: CloseReason | undefined;
  bytesRead = 0;
  bytesWritten = 0;
  lastActivity = performance.now();
  idleTimeoutMs = 1_000;
  endOnDrain = true;
  /** The calls, in order. */
  readonly calls: string[] = [];
  /** What `conclude` was told, first come first kept. */
  outcome: CloseReason | undefined;
  readonly #closedListeners: ((reason: CloseReason) => void)[] = [];

  constructor(remoteAddress: Address = { host: "192.0.2.7", port: 40_000 }) {
    this.remoteAddress = remoteAddress;
  }

  get destroyed(): boolean {
    return this.closeReason !== undefined;
  }

  /** Every error is about this request: there is no other. */
  owns(): boolean {
    return true;
  }

  afterArrivals(callback: () => void): void {
    setImmediate(callback);
  }

  begin(): void {
    this.calls.push("begin");
  }

  drain(): void {
    this.calls.push("drain");
  }

  conclude(reason: CloseReason): void {
    this.calls.push(`conclude ${reason}`);
    this.outcome ??= reason;
  }

  async linger(): Promise<void> {
    this.calls.push("linger");
  }

  destroy(): void {
    this.calls.push("destroy");
    this.#close(this.outcome ?? "aborted");
  }

  cut(reason: CloseReason): void {
    this.calls.push(`cut ${reason}`);
    this.#close(reason);
  }

  onClosed(listener: (reason: CloseReason) => void): void {
    if (this.closeReason === undefined) this.#closedListeners.push(listener);
    else listener(this.closeReason);
  }

  #close(reason: CloseReason): void {
    if (this.closeReason !== undefined) return;
    this.closeReason = reason;
    for (const listener of this.#closedListeners) listener(reason);
  }
}
