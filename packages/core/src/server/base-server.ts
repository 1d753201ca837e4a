import { EventEmitter } from "eventemitter3";
import { channel } from "node:diagnostics_channel";

import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import {
  ErrorCode,
  PeerError,
  SocketServerError,
  codeOf,
  isDisconnect,
  rangeError,
  show,
  typeError,
} from "../errors.ts";
import { DropReason, type ServerEvents } from "../events.ts";
import type { HandlerClass } from "../handler/base-request-handler.ts";
import { plainTimeoutError, runHandler } from "../handler/run-handler.ts";
import { extensionsOf, serverExtension, type ServerExtension } from "../mixin.ts";
import { resolveOptions, type OptionRules } from "../option-rules.ts";
import { SERVER_OPTION_RULES, type ResolvedServerOptions, type ServerOptions } from "../options.ts";
import type { Accepted, RequestSource, SourceOwner } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import { refuseWhileImporting } from "./boot-guard.ts";
import { Drain, LAST_STEPS_MS } from "./drain.ts";
import type { DrainReport } from "./drain-report.ts";
import { printErrorReport } from "./error-report.ts";
import { LifeCycle, ServerState } from "./life-cycle.ts";
import type { ListenerSide } from "./listener-side.ts";
import { MovedRequest } from "./moved-request.ts";
import { RequestRegistry } from "./registry.ts";
import { Replica, becomeReplica } from "./replica.ts";
import { requestContext } from "./request-context.ts";
import type { RequestControl, RequestRecord } from "./request-record.ts";
import { RequestRunner } from "./request-runner.ts";
import { ServingLoop } from "./serving-loop.ts";
import { settleWithin } from "./settle-within.ts";
import { onStopSignals } from "./stop-signals.ts";

/** How `serveForever()` ends beside `shutdown()` and `close()`. */
export interface ServeOptions {
  /**
   * Close on SIGINT and SIGTERM; a second one cuts what still runs.
   * @defaultValue false
   */
  readonly signals?: boolean;
  /** Close when this aborts. */
  readonly signal?: AbortSignal;
}

/** How `close()` drains. */
export interface CloseOptions {
  /**
   * How long running requests may go on, in milliseconds; 0 cuts them at once.
   * @defaultValue `graceMs` of the server's options
   */
  readonly graceMs?: number;
}

/**
 * The life of a request, and the life of a server.
 *
 * The serving loop is Python's: `getRequest -> verifyRequest -> await processRequest -> serviceActions`. It waits for `processRequest`, so that a
 * mixin bounds concurrency by not resolving before there is room; without a mixin that wait *is* one request at a time. What follows
 * (`prepareRequest -> authorizeRequest -> finishRequest -> shutdownRequest -> closeRequest`) is {@link BaseServer.runRequest}, which runs here,
 * concurrently, or in a worker.
 *
 * Every word may be overridden, may throw, and may never settle; the loop survives all of it, and every request is closed exactly once.
 *
 * @typeParam Request - A connection, or a datagram.
 * @see {@link https://docs.python.org/3/library/socketserver.html#server-objects | Server Objects}
 */
export abstract class BaseServer<Request extends ServerRequest = ServerRequest>
  extends EventEmitter<ServerEvents>
  implements AsyncDisposable
{
  static readonly [serverExtension]: ServerExtension = { name: "BaseServer", options: SERVER_OPTION_RULES };

  /** The class whose instances handle the requests. */
  readonly RequestHandlerClass: HandlerClass<never>;

  readonly #options: ResolvedServerOptions;
  readonly #given: ConstructorArguments;
  readonly #life = new LifeCycle();
  readonly #registry: RequestRegistry;
  readonly #runner: RequestRunner<Request>;
  #serverAddress: Address;
  #source: RequestSource<Request> | undefined;
  #opening: Promise<Address> | undefined;
  #activated = false;
  /** Whether a loop of ours, or the call that will begin one, is under way. */
  #taking = false;
  /** Whether `shutdown()` was called since then. */
  #stopAsked = false;
  #loop: ServingLoop<Request> | undefined;
  #drain: Drain | undefined;
  #closing: Promise<DrainReport> | undefined;
  /** Set in a worker's replica: the side that accepts. */
  #listenerSide: ListenerSide | undefined;

  /**
   * Remembers and checks; opens nothing.
   *
   * @throws `TypeError` or `RangeError` about the address, the handler or an option, with the value and the remedy.
   */
  constructor(address: Address, RequestHandlerClass: HandlerClass<Request>, options: ServerOptions = {}) {
    super();
    checkHandlerClass(RequestHandlerClass);
    const extensions = extensionsOf(new.target);
    checkReplacements(extensions);
    const rules: OptionRules = Object.assign({}, ...extensions.map((extension) => extension.options ?? {}));
    this.#options = resolveOptions(rules, options) as unknown as ResolvedServerOptions;
    this.#given = { address, options };
    this.#serverAddress = address;
    this.RequestHandlerClass = RequestHandlerClass;
    this.#registry = new RequestRegistry({
      control: (record, request) => ({
        drain: () => request.drain(),
        cut: (reason) => this.#runner.cut(record, request as Request, reason),
      }),
      closed: (record, reason) => {
        if (this.#listenerSide === undefined) this.publish("requestClosed", record.closedInfo(reason));
        else this.#listenerSide.requestClosed(record.id, reason, record.traffic);
      },
    });
    this.#runner = new RequestRunner<Request>(this, this.#registry, (error, clientAddress) =>
      this.#reportError(error, clientAddress),
    );
  }

  // What callers call.

  /** The address of the server: the real one after `listen()`, else the one that was given. */
  get serverAddress(): Address {
    return this.#serverAddress;
  }

  /** The options with their defaults; frozen. */
  get options(): ResolvedServerOptions {
    return this.#options;
  }

  /** Where the server is in its life. */
  get state(): ServerState {
    return this.#life.state;
  }

  /** How many requests are running or closing; those that wait for their turn are not among them. */
  get activeRequests(): number {
    return this.#registry.takenSize;
  }

  /**
   * Bind and listen; resolves with the real address. `serveForever()` and `handleRequest()` call it if needed; calling it again answers the same.
   *
   * @throws `SocketServerError` with the system's code, such as `EADDRINUSE`; the server can then be tried again. `ERR_SOCKETSERVER_SERVER_CLOSED`
   * after `close()`.
   */
  listen(): Promise<Address> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /**
   * Serve until `shutdown()` or `close()`; resolves when the last request that it waits for has ended. Can be called again after `shutdown()`.
   *
   * @throws `SocketServerError` `ERR_SOCKETSERVER_ALREADY_SERVING` while the server takes requests; what `listen()` throws.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.serve_forever | serve_forever}
   */
  async serveForever({ signals = false, signal }: ServeOptions = {}): Promise<void> {
    const stopListening = this.#closeOn(signals, signal);
    try {
      if (signal?.aborted !== true) await this.#takeWith("serveForever()", (loop) => loop.serve());
      // Until the drain is over, a second signal cuts.
      await this.#closing;
    } finally {
      stopListening();
    }
  }

  /**
   * Take one request; resolves when `processRequest` does. After `timeoutMs` without one, `handleTimeout()` is called.
   *
   * @throws as `serveForever()`.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.handle_request | handle_request}
   */
  async handleRequest(): Promise<void> {
    await this.#takeWith("handleRequest()", async (loop) => {
      const came = await loop.serveOneWithin(this.#options.timeoutMs);
      if (!came && !this.#life.ending && !this.#stopAsked) await this.handleTimeout();
    });
  }

  /**
   * Stop taking requests now; resolves when no further one will start. What runs goes on, and the listening socket stays open: what comes waits
   * for the next `serveForever()`. Can be called from a handler, twice, or before the start.
   *
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.shutdown | shutdown}
   */
  async shutdown(): Promise<void> {
    const caller = this.#callingRequest();
    if (this.#listenerSide !== undefined) return this.#listenerSide.shutdown(caller?.id);
    return this.#stopTaking(caller);
  }

  /**
   * Stop accepting, let running requests end, cut what is left after `graceMs`, close everything. Resolves by the deadline, and tells what it did.
   *
   * Idempotent: a later call can only shorten the deadline. Called in a handler, it does not wait for that handler.
   *
   * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` for a `graceMs` that is no time.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.server_close | server_close}
   */
  async close(options: CloseOptions = {}): Promise<DrainReport> {
    const { graceMs } = options;
    if (graceMs !== undefined) checkGrace(graceMs);
    const caller = this.#callingRequest();
    if (this.#listenerSide !== undefined) return this.#listenerSide.close(graceMs, caller?.id);
    return this.#close(caller, graceMs);
  }

  /** `close()` with the default grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // The life of a request, in its order. All of it may be overridden.

  /** Wait for the next request. Override it to change what a request is, or who its client is. */
  getRequest(): Accepted<Request> | Promise<Accepted<Request>> {
    if (this.#source === undefined)
      throw new SocketServerError(ErrorCode.serverClosed, "Cannot get request: the server does not listen");
    return this.#source.queue.take();
  }

  /** Whether to serve this request. Reads no byte of it. One at a time: slow checks belong in `authorizeRequest`. */
  verifyRequest(_request: Request, _clientAddress: Address): boolean | Promise<boolean> {
    return true;
  }

  /** Serve a request; the loop waits for it. Mixins change this word. */
  processRequest(request: Request, clientAddress: Address): void | Promise<void> {
    return this.runRequest(request, clientAddress);
  }

  /** Work on the request in place before anyone looks at its bytes. */
  prepareRequest(_request: Request): void | Promise<void> {}

  /** Whether to serve this request, now that the real client is known. */
  authorizeRequest(_request: Request, _clientAddress: Address): boolean | Promise<boolean> {
    return true;
  }

  /** Make the handler and run it. Override it to give the constructor other arguments. */
  finishRequest(request: Request, clientAddress: Address): void | Promise<void> {
    return runHandler(new this.RequestHandlerClass(request as never, clientAddress, this as never));
  }

  /** End our side. `closeRequest` follows in the background, when the peer has ended its side or `lingerMs` later. */
  shutdownRequest(request: Request): void | Promise<void> {
    const record = this.#registry.find(request);
    if (record === undefined) return;
    record.closing = true;
    void request.linger().then(() => this.#runner.closeOnce(record, request));
  }

  /** Close the request. Called exactly once for each; override it for clean-up, and call `super`'s. */
  closeRequest(request: Request): void | Promise<void> {
    const record = this.#registry.find(request);
    if (record !== undefined) record.closeCalled = true;
    request.destroy();
  }

  /** A hook or a handler threw. Reports it as `requestError`; says nothing about ordinary disconnects. */
  handleError(error: unknown, _request: Request, clientAddress: Address): void | Promise<void> {
    if (!isDisconnect(error)) this.#reportError(error, clientAddress);
  }

  /** `handleRequest()` waited for `timeoutMs` in vain. */
  handleTimeout(): void | Promise<void> {}

  /** Called after every request, and every `pollIntervalMs` while the serving loop waits. */
  serviceActions(): void | Promise<void> {}

  /**
   * Open what the server needs while it serves; called once, before it is bound. If it throws, `listen()` rejects with that. An override calls
   * `super`'s first.
   */
  serverActivate(): void | Promise<void> {}

  /**
   * Close what `serverActivate()` opened; called once, after the last request, and when `serverActivate()` or binding failed. An override calls
   * `super`'s last.
   */
  serverStop(): void | Promise<void> {}

  // For authors of server classes and mixins.

  /** Where requests come from. Called once by `listen()`. */
  protected abstract createSource(owner: SourceOwner<Request>): RequestSource<Request>;

  /** Emit an event, and publish it on its diagnostics channel. A listener that throws does no harm. */
  protected publish<Event extends keyof ServerEvents>(event: Event, ...args: Parameters<ServerEvents[Event]>): void {
    try {
      // The emitter's own types do not follow a generic event name.
      (this as EventEmitter).emit(event, ...args);
      const diagnostics = channel(`socketserver:${event}`);
      if (diagnostics.hasSubscribers) diagnostics.publish({ server: this, args });
    } catch (error) {
      if (event === "requestError") printErrorReport(error, undefined);
      else this.#reportError(error, undefined);
    }
  }

  /** The part of a request's life after `processRequest`: what a mixin runs concurrently or elsewhere. Never rejects. */
  protected runRequest(request: Request, clientAddress: Address): Promise<void> {
    const record = this.#registry.take(request, clientAddress);
    return this.#runner.run(record, request, clientAddress);
  }

  /** A request goes on in a worker. `control` reaches it there; what the worker says of it is told to the answer. */
  protected moveRequest(request: Request, control: RequestControl): MovedRequest {
    const record = this.#registry.take(request, request.remoteAddress);
    record.reachThrough(control);
    return new MovedRequest(this.#registry, record);
  }

  /** A worker's replica failed where the listener side has to speak of it. */
  protected reportError(error: unknown, clientAddress: Address | undefined): void {
    this.#reportError(error, clientAddress);
  }

  /** A worker's replica calls `shutdown()`, inside of the request with this id if one is given. */
  protected shutdownFor(callerId: number | undefined): Promise<void> {
    return this.#stopTaking(callerId === undefined ? undefined : this.#registry.get(callerId));
  }

  /** A worker's replica calls `close()`, inside of the request with this id if one is given. */
  protected closeFor(callerId: number | undefined, graceMs: number | undefined): Promise<DrainReport> {
    return this.#close(callerId === undefined ? undefined : this.#registry.get(callerId), graceMs);
  }

  /** What a worker constructs its replica from, beside the handler class. */
  protected get constructorArguments(): ConstructorArguments {
    return this.#given;
  }

  /**
   * Make this server a replica, whose requests come from a worker's port instead of a listener. Called once, by the worker.
   *
   * @internal
   */
  [becomeReplica](listenerSide: ListenerSide): Replica<Request> {
    this.#listenerSide = listenerSide;
    return new Replica<Request>(this, this.#registry, this.#runner, listenerSide, (address) => {
      this.#serverAddress = address;
    });
  }

  // Inside: opening.

  async #open(): Promise<Address> {
    refuseWhileImporting();
    this.#refuseInReplica("listen()");
    this.#refuseIfEnding("listen()");
    const source = this.createSource(this.#sourceOwner());
    try {
      this.#activated = true;
      await this.serverActivate();
      this.#refuseIfEnding("listen()");
      this.#serverAddress = await source.open();
      this.#source = source;
      this.#refuseIfEnding("listen()");
    } catch (error) {
      await source.stop();
      await source.close();
      this.#source = undefined;
      await this.#deactivate();
      throw error;
    }
    this.#life.advance(ServerState.listening);
    this.publish("listening", this.#serverAddress);
    return this.#serverAddress;
  }

  /** Call `serverStop()`, if `serverActivate()` was called; its failure is reported and stops nothing. */
  async #deactivate(): Promise<void> {
    if (!this.#activated) return;
    this.#activated = false;
    try {
      await settleWithin("serverStop", this.serverStop(), LAST_STEPS_MS);
    } catch (error) {
      this.#reportError(error, undefined);
    }
  }

  #sourceOwner(): SourceOwner<Request> {
    return {
      admit: (clientAddress) => this.#admit(clientAddress),
      accepted: (request, clientAddress) => void this.#registry.open(request, clientAddress),
      dropped: (clientAddress, reason) => this.publish("drop", { clientAddress, reason }),
      failed: (error) => this.publish("acceptError", error),
    };
  }

  #admit(clientAddress: Address): DropReason | undefined {
    const { maxConnections, maxConnectionsPerAddress } = this.#options;
    if (this.#registry.size >= maxConnections) return DropReason.maxConnections;
    if (this.#registry.countOf(clientAddress) >= maxConnectionsPerAddress) return DropReason.maxConnectionsPerAddress;
    return undefined;
  }

  // Inside: taking requests.

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
      if (source === undefined || this.#stopAsked || !this.#life.advance(ServerState.serving)) return;
      this.#loop = this.#newLoop(source);
      await work(this.#loop);
    } finally {
      this.#loop = undefined;
      this.#taking = false;
      if (this.#life.state === ServerState.serving) this.#life.advance(ServerState.listening);
    }
  }

  /** Listen; false if `close()` came meanwhile, which is no failure of whoever serves. */
  async #listenUnlessClosed(): Promise<boolean> {
    try {
      await this.listen();
      return true;
    } catch (error) {
      if (this.#life.ending && codeOf(error) === ErrorCode.serverClosed) return false;
      throw error;
    }
  }

  #newLoop(source: RequestSource<Request>): ServingLoop<Request> {
    return new ServingLoop<Request>({
      server: this,
      source,
      registry: this.#registry,
      runner: this.#runner,
      servicesWhileIdle: this.serviceActions !== BaseServer.prototype.serviceActions,
      onTaken: (record) => this.publish("request", record.info),
      onGetRequestFailed: (error) =>
        this.publish("acceptError", error instanceof Error ? error : new Error(String(error))),
      onHookFailed: (error) => this.#reportError(error, undefined),
    });
  }

  async #stopTaking(caller: RequestRecord | undefined): Promise<void> {
    this.#stopAsked = true;
    const stopped = this.#loop?.stop();
    // Inside of a request the loop may be waiting for this very call: that it will start no other one is true at once.
    if (caller === undefined) await stopped;
  }

  /** Close on a signal of the process or of the caller, until the answer is called. */
  #closeOn(signals: boolean, signal: AbortSignal | undefined): () => void {
    const close = (): void => {
      // A signal that comes while the server drains is impatience.
      const graceMs = this.#closing === undefined ? undefined : 0;
      void this.#close(undefined, graceMs);
    };
    const stopSignals = signals ? onStopSignals(close) : undefined;
    signal?.addEventListener("abort", close);
    if (signal?.aborted === true) close();
    return () => {
      stopSignals?.();
      signal?.removeEventListener("abort", close);
    };
  }

  // Inside: closing.

  #close(caller: RequestRecord | undefined, graceMs = this.#options.graceMs): Promise<DrainReport> {
    const drain = (this.#drain ??= new Drain(this.#registry));
    drain.limit(graceMs);
    this.#closing ??= this.#closeEverything(drain);
    if (caller === undefined || caller.settled) return this.#closing;
    drain.join(caller);
    return drain.othersGone.then(() => drain.report());
  }

  async #closeEverything(drain: Drain): Promise<DrainReport> {
    const wasNew = this.#life.state === ServerState.new && this.#opening === undefined;
    this.#life.advance(ServerState.draining);
    if (!wasNew) this.publish("draining");
    const allTaken = this.#loop?.taken ?? Promise.resolve();
    void this.#stopTaking(undefined);
    // Connections refuse to wait: the listening socket is closed in this very turn.
    const stopped = this.#source?.stop();
    this.#refuseWaiting(drain);
    await this.#opening?.catch(() => {
      // Whoever called listen() gets the error; here it only means that nothing is open.
    });
    await this.#quietly(stopped);
    await drain.run(allTaken);
    this.#loop?.abandon();
    await this.#deactivate();
    await this.#quietly(this.#source?.close());
    this.#life.advance(ServerState.closed);
    const report = drain.report();
    this.publish("close", report);
    return report;
  }

  #refuseWaiting(drain: Drain): void {
    const waiting = this.#source?.queue.clear() ?? [];
    drain.refused(waiting.length);
    for (const [request, clientAddress] of waiting) {
      request.cut(CloseReason.drain);
      this.publish("drop", { clientAddress, reason: DropReason.draining });
    }
  }

  async #quietly(work: Promise<void> | undefined): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#reportError(error, undefined);
    }
  }

  // Inside: who asks, and what to say.

  /** The request of ours inside of which the present code runs, while its handler runs. */
  #callingRequest(): RequestRecord | undefined {
    const record = requestContext.getStore();
    return record !== undefined && this.#registry.get(record.id) === record && !record.settled ? record : undefined;
  }

  #reportError(error: unknown, clientAddress: Address | undefined): void {
    if (this.#listenerSide !== undefined) this.#listenerSide.requestError(error, clientAddress);
    else if (this.listenerCount("requestError") > 0) this.publish("requestError", error, clientAddress);
    // What peers do wrong is in the close reason; printed, it would let them fill a log.
    else if (!(error instanceof PeerError)) printErrorReport(error, clientAddress);
  }

  #refuseIfEnding(name: string): void {
    if (!this.#life.ending) return;
    throw new SocketServerError(ErrorCode.serverClosed, `Cannot call ${name}: the server is ${this.#life.state}`);
  }

  #refuseInReplica(name: string): void {
    if (this.#listenerSide === undefined) return;
    throw new SocketServerError(
      ErrorCode.serverClosed,
      `Cannot call ${name}: this is a worker's replica of the server, which does not listen`,
    );
  }
}

/** What a server was constructed from, beside its handler class: plain data, so that a worker can construct its replica. */
export interface ConstructorArguments {
  readonly address: Address;
  readonly options: object;
}

function checkHandlerClass(handlerClass: unknown): void {
  const prototype =
    typeof handlerClass === "function" ? (handlerClass.prototype as { handle?: unknown } | undefined) : undefined;
  if (typeof handlerClass !== "function" || typeof prototype?.handle !== "function") {
    throw typeError(
      ErrorCode.invalidHandler,
      `Cannot create server: RequestHandlerClass must be a class with a method handle(), such as a subclass of BaseRequestHandler, received ${show(handlerClass)}`,
    );
  }
  if ("timeout" in prototype || "timeout" in handlerClass) throw plainTimeoutError(handlerClass.name);
}

function checkReplacements(extensions: readonly ServerExtension[]): void {
  const replacedBy = new Map<string, string>();
  for (const { name, replaces = [] } of extensions) {
    for (const word of replaces) {
      const other = replacedBy.get(word);
      if (other !== undefined) {
        throw typeError(
          ErrorCode.mixinConflict,
          `Cannot create server: ${other} and ${name} both replace ${word}(); use one of them`,
        );
      }
      replacedBy.set(word, name);
    }
  }
}

function checkGrace(graceMs: unknown): void {
  if (typeof graceMs === "number" && graceMs >= 0 && (graceMs === Infinity || graceMs <= 2_147_483_647)) return;
  throw rangeError(
    ErrorCode.invalidArgument,
    `Cannot close server: graceMs must be from 0 to 2147483647 or Infinity, received ${show(graceMs)}`,
  );
}
