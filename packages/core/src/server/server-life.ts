/**
 * Opening, serving and closing one server: `new -> listening -> serving -> draining -> closed`.
 *
 * Python's words are the server's; who may call what when, what a call waits for, and in which order a server ends, is decided here. What it opens,
 * and closes, is in `opening.ts`.
 *
 * @module
 */

import type { Address } from "../address.ts";
import { ErrorCode, PeerError, SocketServerError, toError } from "../errors.ts";
import { DropReason } from "../events.ts";
import type { Accepted, RequestSource, SourceOwner } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { BaseServer } from "./base-server.ts";
import { OUTSIDE, type Caller } from "./caller.ts";
import { Drain } from "./drain.ts";
import type { DrainReport } from "./drain-report.ts";
import { printErrorReport } from "./error-report.ts";
import { LameDuck } from "./lame-duck.ts";
import { LifeCycle, ServerState } from "./life-cycle.ts";
import type { ListenerSide } from "./listener-side.ts";
import { LocalControl } from "./local-control.ts";
import { Opening } from "./opening.ts";
import { Reception, type Publish } from "./reception.ts";
import { RequestRegistry } from "./registry.ts";
import { Replica } from "./replica.ts";
import { RequestRunner } from "./request-runner.ts";
import { ServingLoop } from "./serving-loop.ts";
import { Statistics, type ServerStatistics } from "./statistics.ts";
import { onStopSignals } from "./stop-signals.ts";

/** What a server lends to its life. */
export interface LifeParts<Request extends ServerRequest> {
  readonly server: BaseServer<Request>;
  /** The address that was given. */
  readonly address: Address;
  /** Whether `serviceActions` is overridden. */
  servicesWhileIdle(): boolean;
  /** Whether `getRequest` is overridden. */
  getsOwnRequests(): boolean;
  createSource(owner: SourceOwner<Request>): RequestSource<Request>;
  readonly publish: Publish;
}

/** How long a close may take. */
export interface CloseLimits {
  /** How long running requests may go on once the server drains, in milliseconds. */
  readonly graceMs: number;
  /** How long the server still accepts before that, in milliseconds. */
  readonly lameDuckMs: number;
}

/** At once. */
const NOW: CloseLimits = { graceMs: 0, lameDuckMs: 0 };

/** The life of one server, on the listener side or, as a replica, in a worker. */
export class ServerLife<Request extends ServerRequest> {
  readonly registry: RequestRegistry;
  readonly runner: RequestRunner<Request>;
  readonly reception: Reception<Request>;

  readonly #parts: LifeParts<Request>;
  readonly #cycle = new LifeCycle();
  readonly #opening: Opening<Request>;
  /** Whether a loop of ours, or the call that will begin one, is under way. */
  #taking = false;
  /** Whether `shutdown()` was called since then. */
  #stopAsked = false;
  #loop: ServingLoop<Request> | undefined;
  readonly #statistics = new Statistics();
  #drain: Drain | undefined;
  #lameDuck: LameDuck | undefined;
  /** The shortest time that a `close()` gave to what runs. */
  #graceMs = Infinity;
  #closing: Promise<DrainReport> | undefined;
  /** Why the server gave up. */
  #fatal: Error | undefined;
  /** Set in a worker's replica: the side that accepts. */
  #listenerSide: ListenerSide | undefined;
  /** Of a replica: whether the listener side is ready. */
  #listenerReady = false;

  constructor(parts: LifeParts<Request>) {
    this.#parts = parts;
    this.registry = new RequestRegistry({
      control: (record, request) => new LocalControl(this.runner, record, request as Request),
      taken: () => this.#statistics.taken(),
      closed: (record, reason) => {
        const info = record.closedInfo(reason);
        this.#statistics.closed(info);
        if (this.#listenerSide === undefined) parts.publish("requestClosed", info);
        else this.#listenerSide.requestClosed(record.id, reason, record.traffic);
      },
    });
    this.runner = new RequestRunner<Request>(parts.server, this.registry, (error, clientAddress) =>
      this.reportError(error, clientAddress),
    );
    this.reception = new Reception(parts.server.options, this.registry, this.#statistics, parts.publish);
    this.#opening = this.#newOpening();
  }

  get state(): ServerState {
    return this.#cycle.state;
  }

  /** Whether new clients should come here. */
  get ready(): boolean {
    if (this.#listenerSide !== undefined) return this.#listenerReady;
    return this.#cycle.state === ServerState.serving && !this.#stopAsked && this.#closing === undefined;
  }

  get statistics(): ServerStatistics {
    const { size, takenSize } = this.registry;
    return this.#statistics.snapshot(takenSize, size - takenSize + this.reception.admission.waiting);
  }

  /** The real address, once the server is bound. */
  get address(): Address {
    return this.#opening.address;
  }

  /** Set in a worker's replica: the side that accepts. */
  get listenerSide(): ListenerSide | undefined {
    return this.#listenerSide;
  }

  /** Take the next request that came in, waiting for it; rejects when the loop that asks has stopped. */
  nextRequest(): Accepted<Request> | Promise<Accepted<Request>> {
    const { source } = this.#opening;
    if (source !== undefined && this.#loop?.stopped !== true) return source.queue.take();
    throw new SocketServerError(ErrorCode.serverClosed, "Cannot get request: the server takes no requests");
  }

  listen(): Promise<Address> {
    return this.#opening.open();
  }

  /** Listen in place of another server, which drains from then on. */
  async takeOver(predecessor: ServerLife<Request>): Promise<Address> {
    this.#refuseInReplica("takeOver()");
    this.#refuseIfEnding("takeOver()");
    if (this.#opening.begun) {
      throw new SocketServerError(ErrorCode.alreadyServing, "Cannot take over: this server listens already");
    }
    predecessor.#refuseIfLeaving();
    // A source that is not opened: only those of one kind can stand for each other.
    predecessor.#opening.checkSource(this.#parts.createSource(this.reception), "path" in this.address);
    return this.#opening.open(() => {
      predecessor.#refuseIfLeaving();
      void predecessor.stopTaking(OUTSIDE);
      const acquired = predecessor.#opening.giveTo(this.#parts.server, this.reception);
      void predecessor.close(OUTSIDE, { graceMs: predecessor.#parts.server.options.graceMs, lameDuckMs: 0 });
      return acquired;
    });
  }

  /** Serve until stopped, then wait for the end of a drain that has begun meanwhile. */
  async serve(signals: boolean, signal: AbortSignal | undefined): Promise<void> {
    const stopListening = this.#closeOn(signals, signal);
    try {
      if (signal?.aborted !== true) await this.#takeWith("serveForever()", (loop) => loop.serve());
      // Nobody is served any more.
      this.#lameDuck?.end();
      // Until the drain is over, a second signal cuts.
      await this.#closing;
      if (this.#fatal !== undefined) throw this.#fatal;
    } finally {
      stopListening();
    }
  }

  /** Serve one request; whether to call `handleTimeout()`, because none came in time. */
  async serveOne(timeoutMs: number): Promise<boolean> {
    let timedOut = false;
    await this.#takeWith("handleRequest()", async (loop) => {
      timedOut = await loop.serveOneWithin(timeoutMs);
    });
    if (this.#fatal !== undefined) throw this.#fatal;
    return timedOut;
  }

  /** Take no further request; resolves when none will start. */
  async stopTaking(caller: Caller): Promise<void> {
    this.#stopAsked = true;
    // Who takes no requests has none to be ready for.
    this.#lameDuck?.end();
    const loop = this.#loop;
    const stopped = loop?.stop();
    // The loop waits for this very call: that it will start no other request is true at once.
    const isWaitedFor =
      caller.place === "loop" || (caller.record !== undefined && loop?.waitsFor(caller.record) === true);
    if (!isWaitedFor) await stopped;
  }

  /** Drain and close everything; for a caller that is waited for, resolves when everything else has ended. */
  close(caller: Caller, { graceMs, lameDuckMs }: CloseLimits): Promise<DrainReport> {
    const drain = (this.#drain ??= new Drain(this.registry, () =>
      this.#statistics.droppedBecause(DropReason.draining),
    ));
    const untilDraining = this.#stayLameDuck(caller, lameDuckMs);
    drain.limit(untilDraining + graceMs);
    this.#graceMs = Math.min(this.#graceMs, graceMs);
    if (this.#closing === undefined) {
      const closing = Promise.withResolvers<DrainReport>();
      // Known before anything is called that might close again.
      this.#closing = closing.promise;
      const closeEverything = (): void => {
        this.#closeEverything(drain, caller).then(closing.resolve, closing.reject);
      };
      if (untilDraining === 0) closeEverything();
      else {
        this.#parts.publish("lameDuck");
        void this.#lameDuck?.over.then(closeEverything);
      }
    }
    if (caller.record !== undefined) drain.join(caller.record);
    else if (caller.place === "outside" || caller.place === "loop") return this.#closing;
    return drain.othersEnded.then(() => drain.report());
  }

  /** Close, and let whoever serves know why. */
  giveUp(error: Error): void {
    this.#fatal = error;
    if (!this.#taking) this.reportError(error, undefined);
    void this.close(OUTSIDE, { graceMs: this.#parts.server.options.graceMs, lameDuckMs: 0 });
  }

  /** Make this the life of a replica. */
  becomeReplica(listenerSide: ListenerSide): Replica<Request> {
    this.#listenerSide = listenerSide;
    return new Replica<Request>(this.#parts.server, this.registry, this.runner, listenerSide, {
      listening: (address) => {
        this.#opening.address = address;
        this.#listenerReady = true;
      },
      leaving: () => {
        this.#listenerReady = false;
      },
    });
  }

  /** Tell the listener side of a failure; print it if nobody listens. */
  reportError(error: unknown, clientAddress: Address | undefined): void {
    const { server } = this.#parts;
    if (this.#listenerSide !== undefined) return this.#listenerSide.requestError(error, clientAddress);
    const isHeard = server.listenerCount("requestError") > 0;
    // Also if nobody listens: its diagnostics channel may have subscribers.
    this.#parts.publish("requestError", error, clientAddress);
    // What peers do wrong is in the close reason; printed, it would let them fill a log.
    if (!isHeard && !(toError(error) instanceof PeerError)) printErrorReport(error, clientAddress);
  }

  #newOpening(): Opening<Request> {
    const { server, address } = this.#parts;
    return new Opening<Request>({
      server,
      address,
      registry: this.registry,
      reception: this.reception,
      newSource: () => this.#parts.createSource(this.reception),
      check: () => {
        this.#refuseInReplica("listen()");
        this.#refuseIfEnding("listen()");
      },
      opened: (bound) => {
        this.#cycle.advance(ServerState.listening);
        this.#parts.publish("listening", bound);
      },
      reportError: (error) => this.reportError(error, undefined),
    });
  }

  // Taking requests.

  /** Listen if needed and run one loop; the server takes requests in one place at a time. */
  async #takeWith(name: string, work: (loop: ServingLoop<Request>) => Promise<void>): Promise<void> {
    this.#refuseInReplica(name);
    if (this.#taking) {
      throw new SocketServerError(ErrorCode.alreadyServing, `Cannot call ${name}: the server already takes requests`);
    }
    this.#refuseIfEnding(name);
    this.#taking = true;
    this.#stopAsked = false;
    try {
      if (!(await this.#listenUnlessClosed())) return;
      const { source } = this.#opening;
      if (source === undefined || this.#stopAsked || !this.#cycle.advance(ServerState.serving)) return;
      this.#loop = this.#newLoop(source);
      await work(this.#loop);
    } finally {
      this.#loop = undefined;
      this.#taking = false;
      if (this.#cycle.state === ServerState.serving) this.#cycle.advance(ServerState.listening);
    }
  }

  /** Listen; false if `close()` came meanwhile, which is no failure of whoever serves. */
  async #listenUnlessClosed(): Promise<boolean> {
    try {
      await this.listen();
      return true;
    } catch (error) {
      // Whatever failed, failed because the server is closed, or does not matter any more.
      if (this.#cycle.ending) return false;
      throw error;
    }
  }

  #newLoop(source: RequestSource<Request>): ServingLoop<Request> {
    return new ServingLoop<Request>({
      server: this.#parts.server,
      source,
      registry: this.registry,
      runner: this.runner,
      servicesWhileIdle: this.#parts.servicesWhileIdle(),
      getsOwnRequests: this.#parts.getsOwnRequests(),
      onTaken: (record) => this.#parts.publish("request", record.info),
      onGetRequestFailed: (error) => this.#parts.publish("acceptError", toError(error)),
      onHookFailed: (error) => this.reportError(error, undefined),
    });
  }

  /** Close on a signal of the process or of the caller, until the answer is called. */
  #closeOn(signals: boolean, signal: AbortSignal | undefined): () => void {
    const close = (): void => {
      // A signal that comes while the server drains is impatience.
      void this.close(OUTSIDE, this.#closing === undefined ? this.#parts.server.options : NOW);
    };
    const stopSignals = signals ? onStopSignals(close) : undefined;
    signal?.addEventListener("abort", close);
    if (signal?.aborted === true) close();
    return () => {
      stopSignals?.();
      signal?.removeEventListener("abort", close);
    };
  }

  // Closing.

  /** How long the server still accepts before it drains, in milliseconds; 0 if nobody would be served. */
  #stayLameDuck(caller: Caller, lameDuckMs: number): number {
    if (this.#lameDuck !== undefined) return this.#lameDuck.limit(lameDuckMs);
    const isWaitedFor = caller.place === "loop" || (caller.record !== undefined && this.#loop?.waitsFor(caller.record));
    if (lameDuckMs === 0 || !this.ready || isWaitedFor === true) return 0;
    this.#lameDuck = new LameDuck();
    return this.#lameDuck.limit(lameDuckMs);
  }

  async #closeEverything(drain: Drain, caller: Caller): Promise<DrainReport> {
    drain.begin();
    // The lame-duck time may have ended early.
    drain.limit(this.#graceMs);
    const wasNew = this.#cycle.state === ServerState.new && !this.#opening.begun;
    this.#cycle.advance(ServerState.draining);
    if (!wasNew) this.#parts.publish("draining");
    const loop = this.#loop;
    // Code that the loop waits for may be what called us; it takes no further request then.
    const allTaken = caller.place === "loop" || loop === undefined ? Promise.resolve() : loop.taken;
    void this.stopTaking(OUTSIDE);
    const stopped = this.#opening.stop();
    // What waits for this call must not be waited for: serverActivate(), or a worker's hook, which the end of its worker ends.
    if (caller.place !== "opening" && caller.place !== "worker") await this.#opening.failed(drain.overdue);
    await stopped;
    await drain.run(allTaken);
    loop?.abandon();
    if (caller.place !== "opening") await this.#opening.deactivate();
    await this.#opening.close();
    this.#cycle.advance(ServerState.closed);
    const report = drain.report();
    this.#parts.publish("close", report);
    return report;
  }

  #refuseIfEnding(name: string): void {
    if (!this.#cycle.ending) return;
    throw new SocketServerError(ErrorCode.serverClosed, `Cannot call ${name}: the server is ${this.#cycle.state}`);
  }

  /** What listens no more, or not for long, cannot be taken over. */
  #refuseIfLeaving(): void {
    if (this.#closing === undefined) return;
    const state = this.#cycle.ending ? this.#cycle.state : "about to close";
    throw new SocketServerError(ErrorCode.serverClosed, `Cannot take over: the other server is ${state}`);
  }

  #refuseInReplica(name: string): void {
    if (this.#listenerSide === undefined) return;
    throw new SocketServerError(
      ErrorCode.serverClosed,
      `Cannot call ${name}: this is a worker's replica of the server, which does not listen`,
    );
  }
}
