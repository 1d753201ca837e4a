import type { Address } from "../address.ts";
import type { DropReason, ServerEvents } from "../events.ts";
import type { ResolvedServerOptions } from "../options.ts";
import { BufferBudget } from "../transport/buffer-budget.ts";
import type { SourceOwner } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import { Admission } from "./admission.ts";
import { ADMISSION_OPTION_RULES, type ResolvedAdmissionOptions } from "./admission-options.ts";
import type { RequestRegistry } from "./registry.ts";
import type { Statistics } from "./statistics.ts";

/** Publishes an event of the server. */
export type Publish = <Event extends keyof ServerEvents>(
  event: Event,
  ...args: Parameters<ServerEvents[Event]>
) => void;

/** Where requests come in: judges, registers and counts them. */
export class Reception<Request extends ServerRequest> implements SourceOwner<Request> {
  readonly admission: Admission;
  readonly budget: BufferBudget | undefined;

  readonly #registry: RequestRegistry;
  readonly #statistics: Statistics;
  readonly #publish: Publish;

  constructor(options: ResolvedServerOptions, registry: RequestRegistry, statistics: Statistics, publish: Publish) {
    this.admission = new Admission(admissionIn(options), registry);
    this.budget = options.maxBufferedBytes === Infinity ? undefined : new BufferBudget(options.maxBufferedBytes);
    this.#registry = registry;
    this.#statistics = statistics;
    this.#publish = publish;
  }

  admit(clientAddress: Address): DropReason | undefined {
    return this.admission.admit(clientAddress);
  }

  wait(clientAddress: Address, refusal: DropReason, decide: (refusal: DropReason | undefined) => void): boolean {
    return this.admission.wait(clientAddress, refusal, decide);
  }

  accepted(request: Request, clientAddress: Address): void {
    this.#registry.open(request, clientAddress);
  }

  dropped(clientAddress: Address, reason: DropReason): void {
    this.#statistics.dropped(reason);
    this.#publish("drop", { clientAddress, reason });
  }

  failed(error: Error): void {
    this.#publish("acceptError", error);
  }
}

function admissionIn(options: ResolvedServerOptions): ResolvedAdmissionOptions {
  const settings = Object.keys(ADMISSION_OPTION_RULES).map((key) => [key, options[key as keyof ResolvedServerOptions]]);
  return Object.freeze(Object.fromEntries(settings)) as ResolvedAdmissionOptions;
}
