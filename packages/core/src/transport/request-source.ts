import type { Address } from "../address.ts";
import type { DropReason } from "../events.ts";
import type { AcceptQueue } from "./accept-queue.ts";

/** A request and who sent it, as `getRequest` answers it. */
export type Accepted<Request> = readonly [request: Request, clientAddress: Address];

/** What a source tells and asks its server. */
export interface SourceOwner<Request> {
  /** Whether one more request of this client may come in, or why not. */
  admit(clientAddress: Address): DropReason | undefined;
  /** A request came in, and waits in the queue from now on. */
  accepted(request: Request, clientAddress: Address): void;
  /** One was refused. */
  dropped(clientAddress: Address, reason: DropReason): void;
  /** Accepting failed. */
  failed(error: Error): void;
}

/** Where a server's requests come from. */
export interface RequestSource<Request> {
  /** What came in and waits. */
  readonly queue: AcceptQueue<Accepted<Request>>;
  /** Bind and begin to accept; resolves with the real address. Rejects with the system's error and leaves nothing open. */
  open(): Promise<Address>;
  /** Stop accepting. What was accepted stays open. Idempotent. */
  stop(): Promise<void>;
  /** Close what the requests needed until now, if anything. Called once, last. */
  close(): Promise<void>;
}
