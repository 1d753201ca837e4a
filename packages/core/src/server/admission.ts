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

/** What error messages call the rules. */
const OWNER = "admission rules";

/** Judges the clients of one server, by rules that may change while it runs. */
export class Admission {
  readonly #registry: RequestRegistry;
  #settings: ResolvedAdmissionOptions;
  #allowed: AddressList | undefined;
  #denied = new AddressList([]);
  #rate: TokenBucket;
  readonly #waiting = new Set<Waiting>();
  readonly #waitingByAddress = new ClientCounts(clientKey);
  #waitingBySubnet = new ClientCounts(clientKey);
  /** How many wait for which reason. */
  readonly #waitingFor = new Map<DropReason, number>();
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(settings: ResolvedAdmissionOptions, registry: RequestRegistry) {
    this.#registry = registry;
    this.#settings = settings;
    this.#rate = new TokenBucket(settings.maxAcceptRate);
    this.#apply(settings);
    registry.onEnd((record) => {
      if (this.#waiting.size > 0 && record.stage === "gone") this.#slotFree(record.countedAddress);
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
    resolveOptions(ADMISSION_OPTION_RULES, given, "", OWNER);
    const before = this.#settings;
    const settings = resolveOptions(ADMISSION_OPTION_RULES, { ...before, ...given }, "", OWNER);
    this.#apply(settings as unknown as ResolvedAdmissionOptions);
    const { maxAcceptRate } = this.#settings;
    if (maxAcceptRate !== before.maxAcceptRate) this.#rate = new TokenBucket(maxAcceptRate);
    for (const waiting of this.#waiting) {
      if (this.#isDenied(waiting.clientAddress)) this.#decide(waiting, DropReason.denied);
    }
    this.#letIn();
  }

  /** Refuse these, too, from now on. */
  deny(entries: readonly string[]): void {
    this.change({ denyAddresses: [...new Set([...this.#settings.denyAddresses, ...entries])] });
  }

  /** Whether one more of this client may come in now, or why not. One that may has to come in. */
  admit(clientAddress: Address): DropReason | undefined {
    const refusal = this.#judge(clientAddress);
    if (refusal !== undefined) return refusal;
    // Whoever came earlier goes first.
    if (this.#waitFor(DropReason.acceptRate) || !this.#rate.take()) return DropReason.acceptRate;
    return undefined;
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
    this.#count(waiting, 1);
    timer.start(admissionWaitMs);
    this.#retryLater();
    return true;
  }

  /** Refuse everyone who waits. */
  refuseWaiting(): void {
    for (const waiting of this.#waiting) this.#decide(waiting, DropReason.draining);
  }

  #apply(settings: ResolvedAdmissionOptions): void {
    const { allowAddresses, denyAddresses, maxConnectionsPerSubnet } = settings;
    this.#settings = Object.freeze({
      ...settings,
      allowAddresses: allowAddresses && Object.freeze([...allowAddresses]),
      denyAddresses: Object.freeze([...denyAddresses]),
    });
    this.#allowed = allowAddresses && new AddressList(allowAddresses);
    this.#denied = new AddressList(denyAddresses);
    const keyOf = (address: Address): string => subnetOf(address, settings);
    this.#registry.countSubnets(maxConnectionsPerSubnet === Infinity ? undefined : keyOf);
    this.#waitingBySubnet = new ClientCounts(keyOf);
    for (const { clientAddress } of this.#waiting) this.#waitingBySubnet.add(clientAddress);
  }

  /** Whether a client may come in but for the rate, or why not. */
  #judge(clientAddress: Address): DropReason | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxConnectionsPerSubnet } = this.#settings;
    const registry = this.#registry;
    if (this.#isDenied(clientAddress)) return DropReason.denied;
    if (registry.size >= maxConnections) return DropReason.maxConnections;
    if (registry.countOf(clientAddress) >= maxConnectionsPerAddress) return DropReason.maxConnectionsPerAddress;
    const limited = maxConnectionsPerSubnet !== Infinity;
    if (limited && registry.countOfSubnet(clientAddress) >= maxConnectionsPerSubnet)
      return DropReason.maxConnectionsPerSubnet;
    return undefined;
  }

  #isDenied(clientAddress: Address): boolean {
    if (this.#denied.has(clientAddress)) return true;
    return this.#allowed !== undefined && !("path" in clientAddress) && !this.#allowed.has(clientAddress);
  }

  /** One of this client is gone. Looking at all who wait each time would cost more than they are worth. */
  #slotFree(address: Address): void {
    const concerned = this.#waitingByAddress.of(address) > 0 || this.#waitingBySubnet.of(address) > 0;
    if (concerned || this.#waitFor(DropReason.maxConnections)) this.#letIn();
  }

  #waitFor(reason: DropReason): boolean {
    return (this.#waitingFor.get(reason) ?? 0) > 0;
  }

  /** Let in whoever fits by now. */
  #letIn(): void {
    for (const waiting of this.#waiting) {
      const refusal = this.#judge(waiting.clientAddress) ?? (this.#rate.take() ? undefined : DropReason.acceptRate);
      if (refusal === undefined || !PASSING.has(refusal)) this.#decide(waiting, refusal);
      else {
        this.#count(waiting, -1);
        waiting.refusal = refusal;
        this.#count(waiting, 1);
      }
      // Then nobody fits.
      if (refusal === DropReason.maxConnections || refusal === DropReason.acceptRate) break;
    }
    this.#retryLater();
  }

  #decide(waiting: Waiting, refusal: DropReason | undefined): void {
    if (!this.#waiting.delete(waiting)) return;
    waiting.timer.dispose();
    this.#count(waiting, -1);
    if (this.#waiting.size === 0) this.#forgetRetry();
    waiting.decide(refusal);
  }

  #count({ clientAddress, refusal }: Waiting, by: 1 | -1): void {
    for (const counts of [this.#waitingByAddress, this.#waitingBySubnet]) {
      if (by === 1) counts.add(clientAddress);
      else counts.remove(clientAddress);
    }
    this.#waitingFor.set(refusal, (this.#waitingFor.get(refusal) ?? 0) + by);
  }

  /** Time alone lets somebody in only where the rate is what keeps them out. */
  #retryLater(): void {
    const { waitMs } = this.#rate;
    if (!this.#waitFor(DropReason.acceptRate) || this.#retryTimer !== undefined || waitMs === Infinity) return;
    this.#retryTimer = setTimeout(() => {
      this.#forgetRetry();
      this.#letIn();
    }, waitMs);
  }

  #forgetRetry(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }
}
