import type { Address } from "../../src/address.ts";
import type { DropReason } from "../../src/events.ts";
import type { SourceOwner } from "../../src/transport/request-source.ts";

/** A server, as a source of requests sees it: it admits what the test says and remembers what it is told. */
export class RecordingOwner<Request> implements SourceOwner<Request> {
  refusal: DropReason | undefined;
  readonly acceptedRequests: Request[] = [];
  readonly drops: DropReason[] = [];
  readonly failures: Error[] = [];
  readonly budget = undefined;
  /** Those that wait outside, and how to let them in or refuse them. */
  readonly waiting: ((refusal: DropReason | undefined) => void)[] = [];
  /** Whether refused clients may wait. */
  lets = false;
  #told = Promise.withResolvers<void>();

  admit(): DropReason | undefined {
    return this.refusal;
  }

  wait(_clientAddress: Address, _refusal: DropReason, decide: (refusal: DropReason | undefined) => void): boolean {
    if (this.lets) this.waiting.push(decide);
    return this.lets;
  }

  accepted(request: Request): void {
    this.acceptedRequests.push(request);
    this.#tell();
  }

  dropped(_clientAddress: Address, reason: DropReason): void {
    this.drops.push(reason);
    this.#tell();
  }

  failed(error: Error): void {
    this.failures.push(error);
    this.#tell();
  }

  /** Resolves when as many requests as that were accepted, dropped or failed. */
  async toldOf(count: number): Promise<void> {
    while (this.acceptedRequests.length + this.drops.length + this.failures.length < count) await this.#told.promise;
  }

  #tell(): void {
    this.#told.resolve();
    this.#told = Promise.withResolvers<void>();
  }
}
