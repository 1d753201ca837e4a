import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import type { ClosedRequestInfo, RequestInfo } from "../events.ts";
import type { RequestClocks } from "./request-clocks.ts";
import type { RequestControl, RequestTraffic } from "./request-control.ts";

/** Where a request is in its life. */
type Stage = "waiting" | "taken" | "gone";

/** One request, from being accepted to being gone: the one place that counts it. */
export class RequestRecord {
  readonly id: number;
  /** Who sent it; `getRequest` may say otherwise than the transport. */
  clientAddress: Address;
  /** The address under which it was counted. */
  readonly countedAddress: Address;
  /** Whether `closeRequest` was called. */
  closeCalled = false;
  /** Whether the worker in which its handler ran is gone. */
  lostRunning = false;
  /** Whether its handler side began, here or in a worker. */
  started = false;
  /** Resolves when `closeRequest` has ended, once that has begun. */
  cleanUp: Promise<void> | undefined;
  /** The clocks of the whole request, if any run. */
  clocks: RequestClocks | undefined;
  /** Called when its deadline has passed and its handler may go on for ever. */
  onOverdue: (() => void) | undefined;
  /** Whether `shutdownRequest` will lead to `closeRequest`. */
  closing = false;

  #stage: Stage = "waiting";
  #takenAt = performance.now();
  #wasTaken = false;
  #settled = false;
  #closeReason: CloseReason | undefined;
  #cleanedUp = false;
  #draining = false;
  #control: RequestControl | undefined;
  #traffic: RequestTraffic;

  /** @param traffic - Of an open request, the request itself. */
  constructor(id: number, clientAddress: Address, traffic: RequestTraffic) {
    this.id = id;
    this.clientAddress = clientAddress;
    this.countedAddress = clientAddress;
    this.#traffic = traffic;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Whether its handler has ended. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Whether its handler ended, and not only the worker in which it ran. */
  get settledByItself(): boolean {
    return this.#settled && !this.lostRunning;
  }

  /** Whether its connection is closed. */
  get closed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Why its connection closed, once it has. */
  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  /** Whether the serving loop took it. */
  get wasTaken(): boolean {
    return this.#wasTaken;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get traffic(): RequestTraffic {
    return this.#traffic;
  }

  get ageMs(): number {
    return performance.now() - this.#takenAt;
  }

  get info(): RequestInfo {
    return { id: this.id, clientAddress: this.clientAddress };
  }

  /** For the registry alone: the serving loop takes it. */
  take(clientAddress: Address): void {
    this.#stage = "taken";
    this.#wasTaken = true;
    this.#takenAt = performance.now();
    this.clientAddress = clientAddress;
  }

  /** How to reach it from now on. */
  reachThrough(control: RequestControl): void {
    this.#control = control;
  }

  drain(): void {
    this.#draining = true;
    this.#control?.drain();
  }

  cut(reason: CloseReason): void {
    this.#control?.cut(reason);
  }

  /** For the registry alone: its handler ended. */
  settle(): void {
    this.#settled = true;
  }

  /** For the registry alone: `closeRequest` ended. */
  cleanedUp(): void {
    this.#cleanedUp = true;
  }

  /** Whether nothing more will happen to it. */
  get over(): boolean {
    return this.#settled && this.closed && this.#cleanedUp;
  }

  /** For the registry alone: its connection closed. False if it was closed before. */
  close(reason: CloseReason, traffic: RequestTraffic): boolean {
    if (this.#closeReason !== undefined) return false;
    this.#closeReason = reason;
    this.#traffic = traffic;
    return true;
  }

  /** For the registry alone: nothing is left of it. */
  leave(): void {
    this.#stage = "gone";
    // A map keeps what it has forgotten until the next large collection: no connection may hang on that.
    this.#control = undefined;
  }

  closedInfo(reason: CloseReason): ClosedRequestInfo {
    const { bytesRead, bytesWritten } = this.traffic;
    return { ...this.info, reason, bytesRead, bytesWritten, durationMs: this.ageMs };
  }
}
