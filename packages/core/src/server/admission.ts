/**
 * Who may come in.
 *
 * Every client is judged before anything is made for it. One that does not fit for the moment may wait outside, unread, if there are places; when one
 * of those inside is gone, or a second has passed, whoever fits by then comes in, first come first served. Nothing is counted here but those who wait: how many
 * are inside, the registry knows.
 *
 * @module
 */

import type { Address } from "../address.ts";
import { DropReason } from "../events.ts";
import { resolveOptions } from "../option-rules.ts";
import { AddressList } from "../transport/address-list.ts";
import { LoopTimer } from "../transport/loop-timer.ts";
import { ADMISSION_OPTION_RULES, type AdmissionOptions, type ResolvedAdmissionOptions } from "./admission-options.ts";
import { ClientCounts, clientKey } from "./client-counts.ts";
import type { RequestRegistry } from "./registry.ts";
import { subnetOf } from "./subnet.ts";
import { TokenBucket } from "./token-bucket.ts";

/** One who waits outside. */
interface Waiting {
  readonly clientAddress: Address;
  readonly timer: LoopTimer;
  /** Called once: let in, or refused for this reason. */
  readonly decide: (refusal: DropReason | undefined) => void;
  refusal: DropReason;
}

/** Refusals that may not hold a moment later. */
const PASSING: ReadonlySet<DropReason> = new Set([
  DropReason.maxConnections,
  DropReason.maxConnectionsPerAddress,
  DropReason.maxConnectionsPerSubnet,
  DropReason.acceptRate,
]);

/** Judges the clients of one server, by rules that may change while it runs. */
export class Admission {
  readonly #registry: RequestRegistry;
  #settings: ResolvedAdmissionOptions;
  #allowed: AddressList | undefined;
  #denied: AddressList;
  #rate: TokenBucket;
  readonly #waiting = new Set<Waiting>();
  #waitingByAddress = new ClientCounts(clientKey);
  #waitingBySubnet: ClientCounts;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(settings: ResolvedAdmissionOptions, registry: RequestRegistry) {
    this.#registry = registry;
    this.#settings = settings;
    const { allowAddresses, denyAddresses, maxAcceptRate } = settings;
    this.#allowed = allowAddresses === undefined ? undefined : new AddressList(allowAddresses);
    this.#denied = new AddressList(denyAddresses);
    this.#rate = new TokenBucket(maxAcceptRate);
    this.#waitingBySubnet = new ClientCounts((address) => subnetOf(address, this.#settings));
    this.#countSubnets();
    registry.onEnd((record) => {
      if (this.#waiting.size > 0 && record.stage === "gone") this.#letIn();
    });
  }

  /** The rules as they are now; frozen. */
  get settings(): ResolvedAdmissionOptions {
    return this.#settings;
  }

  /** How many wait outside. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Change some of the rules; those who are inside stay there.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION`; nothing is changed then.
   */
  change(given: AdmissionOptions): void {
    resolveOptions(ADMISSION_OPTION_RULES, given, "", "admission rules");
    const before = this.#settings;
    const settings = resolveOptions(
      ADMISSION_OPTION_RULES,
      { ...before, ...given },
      "",
      "admission rules",
    ) as unknown as ResolvedAdmissionOptions;
    const { allowAddresses, denyAddresses, maxAcceptRate } = settings;
    this.#settings = settings;
    this.#allowed = allowAddresses === undefined ? undefined : new AddressList(allowAddresses);
    this.#denied = new AddressList(denyAddresses);
    if (maxAcceptRate !== before.maxAcceptRate) this.#rate = new TokenBucket(maxAcceptRate);
    this.#countSubnets();
    this.#letIn();
  }

  /** Whether one more of this client may come in now, or why not. One that may has to come in. */
  admit(clientAddress: Address): DropReason | undefined {
    // Whoever came earlier goes first.
    if (this.#waiting.size > 0) this.#letIn();
    return this.#judge(clientAddress);
  }

  /** Let a client that was refused wait until it fits, for `admissionWaitMs` at most; false if it may not. */
  wait(clientAddress: Address, refusal: DropReason, decide: Waiting["decide"]): boolean {
    const { admissionWaitMs, admissionQueueSize, maxConnectionsPerAddress, maxConnectionsPerSubnet } = this.#settings;
    if (admissionWaitMs === 0 || !PASSING.has(refusal) || this.#waiting.size >= admissionQueueSize) return false;
    if (this.#waitingByAddress.of(clientAddress) >= maxConnectionsPerAddress) return false;
    if (this.#waitingBySubnet.of(clientAddress) >= maxConnectionsPerSubnet) return false;
    const timer = new LoopTimer(() => this.#decide(waiting, waiting.refusal));
    const waiting: Waiting = { clientAddress, timer, decide, refusal };
    this.#waiting.add(waiting);
    this.#waitingByAddress.add(clientAddress);
    this.#waitingBySubnet.add(clientAddress);
    timer.start(admissionWaitMs);
    this.#retryLater();
    return true;
  }

  /** Refuse everyone who waits. */
  refuseWaiting(): void {
    for (const waiting of this.#waiting) this.#decide(waiting, DropReason.draining);
  }

  #judge(clientAddress: Address): DropReason | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxConnectionsPerSubnet } = this.#settings;
    const registry = this.#registry;
    if (this.#isDenied(clientAddress)) return DropReason.denied;
    if (registry.size >= maxConnections) return DropReason.maxConnections;
    if (registry.countOf(clientAddress) >= maxConnectionsPerAddress) return DropReason.maxConnectionsPerAddress;
    if (maxConnectionsPerSubnet !== Infinity && registry.countOfSubnet(clientAddress) >= maxConnectionsPerSubnet)
      return DropReason.maxConnectionsPerSubnet;
    return this.#rate.take() ? undefined : DropReason.acceptRate;
  }

  #isDenied(clientAddress: Address): boolean {
    if (this.#denied.has(clientAddress)) return true;
    return this.#allowed !== undefined && !("path" in clientAddress) && !this.#allowed.has(clientAddress);
  }

  /** Let in whoever fits by now. */
  #letIn(): void {
    for (const waiting of this.#waiting) {
      const refusal = this.#judge(waiting.clientAddress);
      if (refusal !== undefined && PASSING.has(refusal)) waiting.refusal = refusal;
      else this.#decide(waiting, refusal);
      // Then nobody fits.
      if (refusal === DropReason.maxConnections || refusal === DropReason.acceptRate) break;
    }
    this.#retryLater();
  }

  #decide(waiting: Waiting, refusal: DropReason | undefined): void {
    if (!this.#waiting.delete(waiting)) return;
    waiting.timer.dispose();
    this.#waitingByAddress.remove(waiting.clientAddress);
    this.#waitingBySubnet.remove(waiting.clientAddress);
    if (this.#waiting.size === 0) this.#forgetRetry();
    waiting.decide(refusal);
  }

  /** Time alone lets somebody in only where the rate is what keeps them out. */
  #retryLater(): void {
    const [first] = this.#waiting;
    const { waitMs } = this.#rate;
    if (first?.refusal !== DropReason.acceptRate || this.#retryTimer !== undefined || waitMs === Infinity) return;
    this.#retryTimer = setTimeout(() => {
      this.#forgetRetry();
      this.#letIn();
    }, waitMs);
  }

  #forgetRetry(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }

  #countSubnets(): void {
    const settings = this.#settings;
    const limited = settings.maxConnectionsPerSubnet !== Infinity;
    this.#registry.countSubnets(limited ? (address) => subnetOf(address, settings) : undefined);
    this.#waitingBySubnet = new ClientCounts((address) => subnetOf(address, settings));
    for (const { clientAddress } of this.#waiting) this.#waitingBySubnet.add(clientAddress);
  }
}
