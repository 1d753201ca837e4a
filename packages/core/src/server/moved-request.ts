import type { CloseReason } from "../close-reason.ts";
import type { RequestRegistry } from "./registry.ts";
import type { RequestControl, RequestTraffic } from "./request-control.ts";
import type { RequestRecord } from "./request-record.ts";

/** A request on its way to a worker, or in it, on the listener side: what the worker says of it is told here. */
export class MovedRequest {
  readonly #registry: RequestRegistry;
  readonly #record: RequestRecord;

  /** @internal */
  constructor(registry: RequestRegistry, record: RequestRecord) {
    this.#registry = registry;
    this.#record = record;
  }

  /** The same on both sides. */
  get id(): number {
    return this.#record.id;
  }

  /** Whether the server began to drain, so that the worker has to be told when it gets the request. */
  get draining(): boolean {
    return this.#record.draining;
  }

  /** A worker has it: from now on it is reached through `control`. Until then it is a request of this side. */
  movedTo(control: RequestControl): void {
    this.#record.started = true;
    this.#record.reachThrough(control);
  }

  /** Tell it that it should end, though the server goes on. */
  drain(): void {
    if (!this.#record.draining) this.#record.drain();
  }

  /** Reset it. */
  cut(reason: CloseReason): void {
    this.#record.cut(reason);
  }

  /** Its handler has ended. */
  done(): void {
    this.#registry.settle(this.#record);
  }

  /** Its connection is closed. */
  closed(reason: CloseReason, traffic: RequestTraffic): void {
    this.#registry.close(this.#record, reason, traffic);
  }

  /** Nothing is left of it in the worker; its handler has ended, too, whether or not that was told. */
  gone(): void {
    this.done();
    this.#registry.cleanedUp(this.#record);
  }

  /** The worker is gone, and with it the handler and the connection. What went through a socket that had moved, nobody knows. */
  lost(reason: CloseReason, traffic = this.#record.traffic): void {
    if (!this.#record.settled) this.#record.lostRunning = true;
    this.closed(reason, traffic);
    this.gone();
  }
}
