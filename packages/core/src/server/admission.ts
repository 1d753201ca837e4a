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
import { ClientRates } from "./client-rates.ts";
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
  DropReason.acceptRatePerAddress,
]);

/** Refusals that time alone undoes. */
const RATES = [DropReason.acceptRate, DropReason.acceptRatePerAddress];

/** What a count of subnets depends on. */
const SUBNET_RULES = ["maxConnectionsPerSubnet", "ipv4SubnetPrefix", "ipv6SubnetPrefix"] as const;

/** How often those who wait for such a time are looked at, at least, in milliseconds. */
const RETRY_MS = 20;

/** What error messages call the rules. */
const OWNER = "admission rules";

/**
 * Check rules.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` that names the rule and shows the value.
 */
export function checkAdmission(rules: AdmissionOptions): void {
  resolveOptions(ADMISSION_OPTION_RULES, rules, "", OWNER);
}

/** Judges the clients of one server, by rules that may change while it runs. */
export class Admission {
  readonly #registry: RequestRegistry;
  #settings: ResolvedAdmissionOptions;
  #allowed: AddressList | undefined;
  #denied = new AddressList([]);
  #rate: TokenBucket;
  #rateByAddress: ClientRates;
  readonly #waiting = new Set<Waiting>();
  readonly #waitingByAddress = new ClientCounts(clientKey);
  /** Counted only while subnets are limited. */
  #waitingBySubnet: ClientCounts | undefined;
  /** How many wait for which reason. */
  readonly #waitingFor = new Map<DropReason, number>();
  /** Whether somebody may wait for another reason than he is counted for, because nobody has looked. */
  #unsure = false;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(settings: ResolvedAdmissionOptions, registry: RequestRegistry) {
    this.#registry = registry;
    this.#settings = settings;
    this.#rate = new TokenBucket(settings.maxAcceptRate);
    this.#rateByAddress = new ClientRates(settings.maxAcceptRatePerAddress);
    this.#setLists(settings);
    this.#countSubnets();
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
    checkAdmission(given);
    const before = this.#settings;
    // Undefined is no wish, but for the list that stands for everyone if there is none.
    const wishes = Object.entries(given).filter(([name, value]) => value !== undefined || name === "allowAddresses");
    const settings: ResolvedAdmissionOptions = { ...before, ...Object.fromEntries(wishes) };
    this.#setLists(settings);
    if (SUBNET_RULES.some((name) => settings[name] !== before[name])) this.#countSubnets();
    const { maxAcceptRate, maxAcceptRatePerAddress } = settings;
    if (maxAcceptRate !== before.maxAcceptRate) this.#rate = new TokenBucket(maxAcceptRate);
    if (maxAcceptRatePerAddress !== before.maxAcceptRatePerAddress)
      this.#rateByAddress = new ClientRates(maxAcceptRatePerAddress);
    this.#rulesChanged();
  }

  /** Refuse these, too, from now on. The list is not built again for it. */
  deny(entries: readonly string[]): void {
    checkAdmission({ denyAddresses: entries });
    const { denyAddresses } = this.#settings;
    const more = [...new Set(entries)].filter((entry) => !denyAddresses.includes(entry));
    this.#denied.add(more);
    this.#settings = Object.freeze({ ...this.#settings, denyAddresses: Object.freeze([...denyAddresses, ...more]) });
    this.#rulesChanged();
  }

  /** Whether one more of this client may come in now, or why not. One that may has to come in. */
  admit(clientAddress: Address): DropReason | undefined {
    const refusal = this.#judge(clientAddress);
    if (refusal !== undefined) return refusal;
    // Whoever came earlier goes first.
    if (this.#waitsFor(DropReason.acceptRate)) return DropReason.acceptRate;
    if (this.#waitsFor(DropReason.acceptRatePerAddress) && this.#waitingByAddress.of(clientAddress) > 0)
      return DropReason.acceptRatePerAddress;
    return this.#takeRate(clientAddress);
  }

  /** Let a client that was refused wait until it fits, for `admissionWaitMs` at most; false if it may not. */
  wait(clientAddress: Address, refusal: DropReason, decide: Waiting["decide"]): boolean {
    const { admissionWaitMs, admissionQueueSize, maxConnectionsPerAddress, maxConnectionsPerSubnet } = this.#settings;
    if (admissionWaitMs === 0 || !PASSING.has(refusal) || this.#waiting.size >= admissionQueueSize) return false;
    if (this.#waitingByAddress.of(clientAddress) >= maxConnectionsPerAddress) return false;
    if ((this.#waitingBySubnet?.of(clientAddress) ?? 0) >= maxConnectionsPerSubnet) return false;
    const timer = new LoopTimer(() => this.#decide(waiting, waiting.refusal));
    const waiting: Waiting = { clientAddress, timer, decide, refusal };
    this.#waiting.add(waiting);
    this.#waitingByAddress.add(clientAddress);
    this.#waitingBySubnet?.add(clientAddress);
    this.#waitFor(refusal, 1);
    timer.start(admissionWaitMs);
    this.#retryLater();
    return true;
  }

  /** Refuse everyone who waits. */
  refuseWaiting(): void {
    for (const waiting of this.#waiting) this.#decide(waiting, DropReason.draining);
  }

  /** Take the settings over; a list is built again only if it is another one. */
  #setLists(settings: ResolvedAdmissionOptions): void {
    const { allowAddresses, denyAddresses } = settings;
    const before = this.#settings;
    if (settings === before || allowAddresses !== before.allowAddresses)
      this.#allowed = allowAddresses && new AddressList(allowAddresses);
    if (settings === before || denyAddresses !== before.denyAddresses) this.#denied = new AddressList(denyAddresses);
    this.#settings = Object.freeze({
      ...settings,
      allowAddresses: allowAddresses && frozen(allowAddresses),
      denyAddresses: frozen(denyAddresses),
    });
  }

  #countSubnets(): void {
    const settings = this.#settings;
    const limited = settings.maxConnectionsPerSubnet !== Infinity;
    const keyOf = (address: Address): string => subnetOf(address, settings);
    this.#registry.countSubnets(limited ? keyOf : undefined);
    this.#waitingBySubnet = limited ? new ClientCounts(keyOf) : undefined;
    for (const { clientAddress } of this.#waiting) this.#waitingBySubnet?.add(clientAddress);
  }

  #rulesChanged(): void {
    for (const waiting of this.#waiting) {
      if (this.#isDenied(waiting.clientAddress)) this.#decide(waiting, DropReason.denied);
    }
    this.#letIn();
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

  /** Take one of what may come in a second, of the client's own and of what is there for all: both, or neither. */
  #takeRate(clientAddress: Address): DropReason | undefined {
    if (!this.#rate.some) return DropReason.acceptRate;
    if (!this.#rateByAddress.take(clientAddress)) return DropReason.acceptRatePerAddress;
    this.#rate.take();
    return undefined;
  }

  #isDenied(clientAddress: Address): boolean {
    if (this.#denied.has(clientAddress)) return true;
    return this.#allowed !== undefined && !("path" in clientAddress) && !this.#allowed.has(clientAddress);
  }

  /** One of this client is gone. Looking at all who wait each time would cost more than they are worth. */
  #slotFree(address: Address): void {
    if (this.#unsure || this.#waitsFor(DropReason.maxConnections)) this.#letIn();
    else if (this.#waitingByAddress.of(address) > 0 || (this.#waitingBySubnet?.of(address) ?? 0) > 0) this.#letIn();
  }

  #waitsFor(reason: DropReason): boolean {
    return (this.#waitingFor.get(reason) ?? 0) > 0;
  }

  #waitFor(reason: DropReason, by: 1 | -1): void {
    this.#waitingFor.set(reason, (this.#waitingFor.get(reason) ?? 0) + by);
  }

  /** Let in whoever fits by now. */
  #letIn(): void {
    this.#unsure = false;
    for (const waiting of this.#waiting) {
      const refusal = this.#judge(waiting.clientAddress) ?? this.#takeRate(waiting.clientAddress);
      if (refusal === undefined || !PASSING.has(refusal)) this.#decide(waiting, refusal);
      else if (refusal !== waiting.refusal) {
        this.#waitFor(waiting.refusal, -1);
        waiting.refusal = refusal;
        this.#waitFor(refusal, 1);
      }
      // Then nobody fits, and nobody else is looked at.
      if (refusal === DropReason.maxConnections || refusal === DropReason.acceptRate) {
        this.#unsure = true;
        break;
      }
    }
    this.#retryLater();
  }

  #decide(waiting: Waiting, refusal: DropReason | undefined): void {
    if (!this.#waiting.delete(waiting)) return;
    waiting.timer.dispose();
    this.#waitingByAddress.remove(waiting.clientAddress);
    this.#waitingBySubnet?.remove(waiting.clientAddress);
    this.#waitFor(waiting.refusal, -1);
    if (this.#waiting.size === 0) this.#forgetRetry();
    waiting.decide(refusal);
  }

  /** Time alone lets somebody in only where the rate is what keeps them out. */
  #retryLater(): void {
    const waits = RATES.some((reason) => this.#waitsFor(reason));
    if (!waits || this.#retryTimer !== undefined) return;
    this.#retryTimer = setTimeout(() => {
      this.#forgetRetry();
      this.#letIn();
    }, RETRY_MS);
  }

  #forgetRetry(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }
}

/** A copy that nobody changes; the same one if it is that already. */
function frozen(list: readonly string[]): readonly string[] {
  return Object.isFrozen(list) ? list : Object.freeze([...list]);
}
