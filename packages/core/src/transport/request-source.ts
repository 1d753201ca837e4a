import type { Address } from "../address.ts";
import type { DropReason } from "../events.ts";
import type { ResolvedServerOptions } from "../options.ts";
import type { AcceptQueue } from "./accept-queue.ts";
import type { BufferBudget } from "./buffer-budget.ts";

/** A request and who sent it, as `getRequest` answers it. */
export type Accepted<Request> = readonly [request: Request, clientAddress: Address];

/** What a source tells and asks its server. */
export interface SourceOwner<Request> {
  /** Whether one more request of this client may come in, or why not. */
  admit(clientAddress: Address): DropReason | undefined;
  /**
   * Let a client that was refused wait outside. `decide` is called once: with nothing if it may come in by then, else with the reason. False if it may not wait.
   */
  wait(clientAddress: Address, refusal: DropReason, decide: (refusal: DropReason | undefined) => void): boolean;
  /** A request came in, and waits in the queue from now on. */
  accepted(request: Request, clientAddress: Address): void;
  /** One was refused. */
  dropped(clientAddress: Address, reason: DropReason): void;
  /** Accepting failed. */
  failed(error: Error): void;
  /** What the requests of this server may keep together, if that is bounded. */
  readonly budget: BufferBudget | undefined;
}

/** Where a server's requests come from. */
export interface RequestSource<Request> {
  /** What came in and waits. */
  readonly queue: AcceptQueue<Accepted<Request>>;
  /** Bind and begin to accept; resolves with the real address. Rejects with the system's error and leaves nothing open. */
  open(): Promise<Address>;
  /** Stop accepting. What was accepted stays open. Idempotent. */
  stop(): Promise<void>;
  /**
   * Come in on behalf of another server from now on; answers the requests that had come in for the old one and wait for the new one now. A source that
   * cannot change its server leaves it out.
   */
  adopt?(owner: SourceOwner<Request>, options: ResolvedServerOptions): readonly Request[];
  /** Close what the requests needed until now, if anything. Called once by each server that had it, last. */
  close(): Promise<void>;
}
