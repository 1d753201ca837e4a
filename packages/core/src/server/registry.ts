import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import { ClientCounts, clientKey } from "./client-counts.ts";
import type { RequestControl, RequestTraffic } from "./request-control.ts";
import { RequestRecord } from "./request-record.ts";

/**
 * Where a request keeps what its registry knows of it. A map with weak keys would keep the requests alive instead, until the next large collection: each
 * closed one would be copied twice by the small ones.
 */
const REGISTERED = Symbol("registered");

/** A request that a registry has seen. */
type Registered = ServerRequest & {
  [REGISTERED]?: { readonly registry: RequestRegistry; readonly record: RequestRecord } | undefined;
};

/** What a registry tells its server. */
export interface RegistryListener {
  /** How to reach a request that runs here. */
  control(record: RequestRecord, request: ServerRequest): RequestControl;
  /** A request was taken. Once for each. */
  taken(): void;
  /** The connection of a taken request is closed. Exactly once for each. */
  closed(record: RequestRecord, reason: CloseReason): void;
}

/**
 * Every request of a server, from being accepted to being gone.
 *
 * A request is gone when three things have happened, in any order: its handler has ended, its connection is closed, and `closeRequest` has ended.
 * Node's own counts are wrong once a socket has moved to a worker; these are not.
 */
export class RequestRegistry {
  readonly #listener: RegistryListener;
  readonly #records = new Map<number, RequestRecord>();
  readonly #byAddress = new ClientCounts(clientKey);
  /** Counted only while somebody asks for it. */
  #bySubnet: ClientCounts | undefined;
  readonly #endListeners = new Set<(record: RequestRecord) => void>();
  #nextId = 1;
  #takenSize = 0;

  constructor(listener: RegistryListener) {
    this.#listener = listener;
  }

  /** Requests that are not gone. */
  get size(): number {
    return this.#records.size;
  }

  /** How many requests were taken and are not gone. */
  get takenSize(): number {
    return this.#takenSize;
  }

  /** Requests that were taken and are not gone. */
  *taken(): Generator<RequestRecord> {
    for (const record of this.#records.values()) if (record.stage === "taken") yield record;
  }

  get(id: number): RequestRecord | undefined {
    return this.#records.get(id);
  }

  /** How many requests of this client are open, whatever its port. */
  countOf(address: Address): number {
    return this.#byAddress.of(address);
  }

  /** How many requests of this client's subnet are open, if they are counted. */
  countOfSubnet(address: Address): number {
    return this.#bySubnet?.of(address) ?? 0;
  }

  /** Count by subnets from now on, those that are open included; without `subnetOf`, no more. */
  countSubnets(subnetOf: ((address: Address) => string) | undefined): void {
    this.#bySubnet = subnetOf && new ClientCounts(subnetOf);
    for (const { countedAddress } of this.#records.values()) this.#bySubnet?.add(countedAddress);
  }

  /** Begin to count a request. An `id` is given where the listener side has counted it already. */
  open(request: ServerRequest, clientAddress: Address, id = this.#nextId++): RequestRecord {
    const record = new RequestRecord(id, clientAddress, request);
    record.reachThrough(this.#listener.control(record, request));
    this.#records.set(id, record);
    (request as Registered)[REGISTERED] = { registry: this, record };
    this.#byAddress.add(clientAddress);
    this.#bySubnet?.add(clientAddress);
    request.onClosed((reason) => this.close(record, reason, snapshot(request)));
    return record;
  }

  /** The record of a request that is known. */
  find(request: ServerRequest): RequestRecord | undefined {
    const registered = (request as Registered)[REGISTERED];
    return registered?.registry === this ? registered.record : undefined;
  }

  /** A request that waits is another server's from now on. */
  release(request: ServerRequest): void {
    const record = this.find(request);
    if (record?.stage !== "waiting") return;
    (request as Registered)[REGISTERED] = undefined;
    this.#forget(record);
  }

  /** The serving loop takes a request; `getRequest` may bring one that no source of ours has made. */
  take(request: ServerRequest, clientAddress: Address): RequestRecord {
    const record = this.find(request) ?? this.open(request, clientAddress);
    if (record.stage === "waiting") {
      record.take(clientAddress);
      this.#takenSize++;
      this.#listener.taken();
    }
    return record;
  }

  /** Its handler ended. */
  settle(record: RequestRecord): void {
    record.settle();
    this.#ended(record);
  }

  /** `closeRequest` ended, or will not be called on this side. */
  cleanedUp(record: RequestRecord): void {
    record.cleanedUp();
    this.#ended(record);
  }

  /** Its connection closed. */
  close(record: RequestRecord, reason: CloseReason, traffic: RequestTraffic): void {
    if (!record.close(reason, traffic)) return;
    if (record.wasTaken) this.#listener.closed(record, reason);
    else {
      record.settle();
      record.cleanedUp();
    }
    this.#ended(record);
  }

  /** Call `listener` each time something of a request ended, the last time when it is gone; until the answer is called. */
  onEnd(listener: (record: RequestRecord) => void): () => void {
    this.#endListeners.add(listener);
    return () => {
      this.#endListeners.delete(listener);
    };
  }

  #ended(record: RequestRecord): void {
    if (record.stage === "gone") return;
    if (record.over) this.#forget(record);
    for (const listener of this.#endListeners) listener(record);
  }

  #forget(record: RequestRecord): void {
    if (record.wasTaken) this.#takenSize--;
    record.leave();
    this.#records.delete(record.id);
    this.#byAddress.remove(record.countedAddress);
    this.#bySubnet?.remove(record.countedAddress);
  }
}

function snapshot({ bytesRead, bytesWritten, lastActivity }: ServerRequest): RequestTraffic {
  return { bytesRead, bytesWritten, lastActivity };
}
