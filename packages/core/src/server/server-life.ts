/**
 * Opening, serving and closing one server: `new -> listening -> serving -> draining -> closed`.
 *
 * Python's words are the server's; in which order a server is opened and closed, who may call what when, and what a call waits for, is decided here.
 * Things are opened in order (`serverActivate`, the source) and closed in reverse, whether the server ran or could not start.
 *
 * @module
 */

import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, PeerError, SocketServerError } from "../errors.ts";
import { DropReason } from "../events.ts";
import type { ResolvedServerOptions } from "../options.ts";
import type { Accepted, RequestSource, SourceOwner } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { BaseServer } from "./base-server.ts";
import { refuseUnguarded } from "./boot-guard.ts";
import { callContext } from "./call-context.ts";
import { OUTSIDE, type Caller } from "./caller.ts";
import { Drain, LAST_STEPS_MS } from "./drain.ts";
import type { DrainReport } from "./drain-report.ts";
import { printErrorReport } from "./error-report.ts";
import { LameDuck } from "./lame-duck.ts";
import { LifeCycle, ServerState } from "./life-cycle.ts";
import type { ListenerSide } from "./listener-side.ts";
import { Reception, type Publish } from "./reception.ts";
import { RequestRegistry } from "./registry.ts";
import { Replica } from "./replica.ts";
import { RequestRunner } from "./request-runner.ts";
import { ServingLoop } from "./serving-loop.ts";
import { settleWithin } from "./settle-within.ts";
import { Statistics, type ServerStatistics } from "./statistics.ts";
import { onStopSignals } from "./stop-signals.ts";

/** What a server lends to its life. */
export interface LifeParts<Request extends ServerRequest> {
  readonly server: BaseServer<Request>;
  /** The address that was given. */
  readonly address: Address;
  /** Whether `serviceActions` is overridden. */
  servicesWhileIdle(): boolean;
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

/** A source, and its address once it is open. */
interface Acquired<Request> {
  readonly source: RequestSource<Request>;
  readonly address: Promise<Address>;
}

/** The life of one server, on the listener side or, as a replica, in a worker. */
export class ServerLife<Request extends ServerRequest> {
  readonly registry: RequestRegistry;
  readonly runner: RequestRunner<Request>;
  readonly reception: Reception<Request>;

  readonly #parts: LifeParts<Request>;
  readonly #cycle = new LifeCycle();
  #address: Address;
  #source: RequestSource<Request> | undefined;
  #opening: PromiseWithResolvers<Address> | undefined;
  #activated = false;
  /** Whether a loop of ours, or the call that will begin one, is under way. */
  #taking = false;
  /** Whether `shutdown()` was called since then. */
  #stopAsked = false;
  #loop: ServingLoop<Request> | undefined;
  readonly #statistics = new Statistics();
  #drain: Drain | undefined;
  #lameDuck: LameDuck | undefined;
  #closing: Promise<DrainReport> | undefined;
  /** Why the server gave up. */
  #fatal: Error | undefined;
  /** Set in a worker's replica: the side that accepts. */
  #listenerSide: ListenerSide | undefined;
  /** Of a replica: whether the listener side is ready. */
  #listenerReady = false;

  constructor(parts: LifeParts<Request>) {
    this.#parts = parts;
    this.#address = parts.address;
    this.registry = new RequestRegistry({
      control: (record, request) => ({
        drain: () => request.drain(),
        cut: (reason) => this.runner.cut(record, request as Request, reason),
      }),
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
  }

  get state(): ServerState {
    return this.#cycle.state;
  }

  /** Whether new clients should come here. */
  get ready(): boolean {
    if (this.#listenerSide !== undefined) return this.#listenerReady;
    return this.#cycle.state === ServerState.serving && this.#closing === undefined;
  }

  get statistics(): ServerStatistics {
    const { size, takenSize } = this.registry;
    return this.#statistics.snapshot(takenSize, size - takenSize + this.reception.admission.waiting);
  }

  /** The real address, once the server is bound. */
  get address(): Address {
    return this.#address;
  }

  /** Set in a worker's replica: the side that accepts. */
  get listenerSide(): ListenerSide | undefined {
    return this.#listenerSide;
  }

  /** Take the next request that came in, waiting for it; rejects when the loop that asks has stopped. */
  nextRequest(): Accepted<Request> | Promise<Accepted<Request>> {
    if (this.#source !== undefined && this.#loop?.stopped !== true) return this.#source.queue.take();
    throw new SocketServerError(ErrorCode.serverClosed, "Cannot get request: the server takes no requests");
  }

  /** @param acquire - Gets the source where it does not have to be made. */
  listen(acquire?: () => Acquired<Request>): Promise<Address> {
    if (this.#opening === undefined) {
      const opening = Promise.withResolvers<Address>();
      // Known before anything is called that might ask for it again.
      this.#opening = opening;
      this.#open(acquire).then(opening.resolve, (error: unknown) => {
        this.#opening = undefined;
        opening.reject(error);
      });
    }
    return this.#opening.promise;
  }

  /** Come in in place of another server, which drains from then on. */
  takeOver(predecessor: ServerLife<Request>): Promise<Address> {
    if (this.#opening !== undefined || this.#cycle.state !== ServerState.new) {
      throw new SocketServerError(ErrorCode.alreadyServing, "Cannot take over: this server listens already");
    }
    predecessor.#checkSource();
    return this.listen(() => predecessor.#give(this.reception, this.#parts.server.options));
  }

  /** Serve until stopped, then wait for the end of a drain that has begun meanwhile. */
  async serve(signals: boolean, signal: AbortSignal | undefined): Promise<void> {
    const stopListening = this.#closeOn(signals, signal);
    try {
      if (signal?.aborted !== true) await this.#takeWith("serveForever()", (loop) => loop.serve());
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
    const drain = (this.#drain ??= new Drain(this.registry));
    const untilDraining = this.#stayLameDuck(caller, lameDuckMs);
    drain.limit(untilDraining + graceMs);
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
        this.#address = address;
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
    if (this.#listenerSide !== undefined) this.#listenerSide.requestError(error, clientAddress);
    else if (server.listenerCount("requestError") > 0) this.#parts.publish("requestError", error, clientAddress);
    // What peers do wrong is in the close reason; printed, it would let them fill a log.
    else if (!(error instanceof PeerError)) printErrorReport(error, clientAddress);
  }

  // Opening.

  async #open(acquire = (): Acquired<Request> => this.#newSource()): Promise<Address> {
    refuseUnguarded();
    this.#refuseInReplica("listen()");
    this.#refuseIfEnding("listen()");
    let acquired: Acquired<Request> | undefined;
    try {
      this.#activated = true;
      await callContext.run({ owner: this.registry, place: "opening" }, () => this.#parts.server.serverActivate());
      // Whoever gave it up meanwhile has stopped what was active then.
      this.#activated = true;
      this.#refuseIfEnding("listen()");
      acquired = acquire();
      this.#address = await acquired.address;
      this.#source = acquired.source;
      this.#refuseIfEnding("listen()");
    } catch (error) {
      await this.#discard(acquired?.source);
      await this.#deactivate();
      throw error;
    }
    this.#cycle.advance(ServerState.listening);
    this.#parts.publish("listening", this.#address);
    return this.#address;
  }

  #newSource(): Acquired<Request> {
    const source = this.#parts.createSource(this.reception);
    return { source, address: source.open() };
  }

  /** Close a source that could not be opened, or not be used any more. */
  async #discard(source: RequestSource<Request> | undefined): Promise<void> {
    this.#source = undefined;
    if (source === undefined) return;
    await this.#quietly(source.stop());
    this.#refuseWaiting(source);
    await this.#quietly(source.close());
  }

  /** @throws `SocketServerError` unless there is a source to give away. */
  #checkSource(): void {
    if (this.#source !== undefined && this.#closing === undefined) return;
    throw new SocketServerError(
      ErrorCode.serverClosed,
      `Cannot take over: the other server must be listening, and is ${this.#closing === undefined ? this.#cycle.state : "closing"}`,
    );
  }

  /** Give the source to another server, with all that waits, and drain. */
  #give(successor: Reception<Request>, options: ResolvedServerOptions): Acquired<Request> {
    this.#checkSource();
    const source = this.#source as RequestSource<Request>;
    if (source.adopt === undefined) {
      throw new SocketServerError(
        ErrorCode.serverClosed,
        "Cannot take over: the other server's source cannot change its server",
      );
    }
    this.#source = undefined;
    void this.stopTaking(OUTSIDE);
    for (const request of source.adopt(successor, options)) this.registry.release(request);
    this.reception.admission.refuseWaiting();
    void this.close(OUTSIDE, { graceMs: this.#parts.server.options.graceMs, lameDuckMs: 0 });
    return { source, address: Promise.resolve(this.#address) };
  }

  /** Call `serverStop()`, if `serverActivate()` was called; its failure is reported and stops nothing. */
  async #deactivate(): Promise<void> {
    if (!this.#activated) return;
    this.#activated = false;
    try {
      const context = { owner: this.registry, place: "stopping" } as const;
      const answer = callContext.run(context, () => this.#parts.server.serverStop());
      await settleWithin("serverStop", answer, LAST_STEPS_MS);
    } catch (error) {
      this.reportError(error, undefined);
    }
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
      const source = this.#source;
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
      onTaken: (record) => {
        this.#statistics.taken();
        this.#parts.publish("request", record.info);
      },
      onGetRequestFailed: (error) =>
        this.#parts.publish("acceptError", error instanceof Error ? error : new Error(String(error))),
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
    const wasNew = this.#cycle.state === ServerState.new && this.#opening === undefined;
    this.#cycle.advance(ServerState.draining);
    if (!wasNew) this.#parts.publish("draining");
    const loop = this.#loop;
    // Code that the loop waits for may be what called us; it takes no further request then.
    const allTaken = caller.place === "loop" || loop === undefined ? Promise.resolve() : loop.taken;
    void this.stopTaking(OUTSIDE);
    const source = this.#source;
    const stopped = source?.stop();
    drain.refused(this.reception.admission.refuseWaiting());
    if (source !== undefined) drain.refused(this.#refuseWaiting(source));
    // What waits for this call must not be waited for: serverActivate(), or a worker's hook, which the end of its worker ends.
    if (caller.place !== "opening" && caller.place !== "worker") await this.#waitForOpening(drain);
    await this.#quietly(stopped);
    await drain.run(allTaken);
    loop?.abandon();
    if (caller.place !== "opening") await this.#deactivate();
    this.#giveUpOpening();
    await this.#quietly(source?.close());
    this.#cycle.advance(ServerState.closed);
    const report = drain.report();
    this.#parts.publish("close", report);
    return report;
  }

  /** The server is being opened: wait until that has failed because of us, but not past the deadline. */
  async #waitForOpening(drain: Drain): Promise<void> {
    if (this.#opening === undefined || this.#source !== undefined) return;
    const failed = this.#opening.promise.catch(() => {
      // Whoever called listen() gets the error; here it only means that nothing is open.
    });
    await Promise.race([failed, drain.overdue]);
  }

  /** A `serverActivate()` that never settles must not hold up whoever waits for `listen()`. */
  #giveUpOpening(): void {
    if (this.#source !== undefined) return;
    this.#opening?.reject(new SocketServerError(ErrorCode.serverClosed, "Cannot listen: the server is closed"));
  }

  /** Refuse what waits for its turn; how many did. */
  #refuseWaiting(source: RequestSource<Request>): number {
    const waiting = source.queue.clear();
    for (const [request, clientAddress] of waiting) {
      request.cut(CloseReason.drain);
      this.reception.dropped(clientAddress, DropReason.draining);
    }
    return waiting.length;
  }

  /** Wait for a source, which may be somebody else's, but not for long. */
  async #quietly(work: Promise<void> | undefined): Promise<void> {
    try {
      await settleWithin("source", work, LAST_STEPS_MS);
    } catch (error) {
      this.reportError(error, undefined);
    }
  }

  #refuseIfEnding(name: string): void {
    if (!this.#cycle.ending) return;
    throw new SocketServerError(ErrorCode.serverClosed, `Cannot call ${name}: the server is ${this.#cycle.state}`);
  }

  #refuseInReplica(name: string): void {
    if (this.#listenerSide === undefined) return;
    throw new SocketServerError(
      ErrorCode.serverClosed,
      `Cannot call ${name}: this is a worker's replica of the server, which does not listen`,
    );
  }
}
