import type { EventEmitter } from "eventemitter3";
import { channel, type Channel } from "node:diagnostics_channel";

import type { Address, InternetAddress } from "../address.ts";
import { ErrorCode, isDisconnect, rangeError, show, typeError } from "../errors.ts";
import type { ServerEvents } from "../events.ts";
import type { HandlerClass } from "../handler/base-request-handler.ts";
import { checkHandlerClass } from "../handler/check-handler-class.ts";
import { runHandler } from "../handler/run-handler.ts";
import { checkReplacements, extensionsOf, serverExtension, type ServerExtension } from "../mixin.ts";
import { MAX_TIMER_MS, resolveOptions, type OptionRules } from "../option-rules.ts";
import { SERVER_OPTION_RULES, type ResolvedServerOptions, type ServerOptions } from "../options.ts";
import type { Accepted, RequestSource, SourceOwner } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import { checkAdmission } from "./admission.ts";
import { ADMISSION_OPTION_RULES, type AdmissionOptions, type ResolvedAdmissionOptions } from "./admission-options.ts";
import { callerInWorker, presentCaller, type Caller } from "./caller.ts";
import type { DrainReport } from "./drain-report.ts";
import { printErrorReport } from "./error-report.ts";
import { GuardedEmitter } from "./guarded-emitter.ts";
import type { ServerState } from "./life-cycle.ts";
import type { CallerId, ListenerSide } from "./listener-side.ts";
import { MovedRequest } from "./moved-request.ts";
import { becomeReplica, type Replica } from "./replica.ts";
import { ServerLife, type CloseLimits } from "./server-life.ts";
import { settleWithin } from "./settle-within.ts";
import type { ServerStatistics } from "./statistics.ts";

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
   * How long running requests may go on once the server drains, in milliseconds; 0 cuts them at once.
   * @defaultValue `graceMs` of the server's options
   */
  readonly graceMs?: number | undefined;
  /**
   * How long the server still accepts before it drains, in milliseconds; 0 drains at once.
   * @defaultValue `lameDuckMs` of the server's options
   */
  readonly lameDuckMs?: number | undefined;
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
  extends GuardedEmitter<ServerEvents>
  implements AsyncDisposable
{
  static readonly [serverExtension]: ServerExtension = {
    name: "BaseServer",
    options: { ...SERVER_OPTION_RULES, ...ADMISSION_OPTION_RULES },
  };

  /** The class whose instances handle the requests. */
  readonly RequestHandlerClass: HandlerClass<never>;

  readonly #options: ResolvedServerOptions;
  readonly #given: ConstructorArguments;
  readonly #life: ServerLife<Request>;

  /**
   * Remembers and checks; opens nothing.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS`, `ERR_SOCKETSERVER_INVALID_HANDLER`, `ERR_SOCKETSERVER_INVALID_OPTION`, with the value
   * and the remedy.
   * @throws `TypeError` `ERR_SOCKETSERVER_MIXIN_CONFLICT` that names the mixins.
   */
  constructor(address: Address, RequestHandlerClass: HandlerClass<Request>, options: ServerOptions = {}) {
    super();
    checkHandlerClass(RequestHandlerClass);
    const extensions = extensionsOf(new.target);
    checkReplacements(extensions);
    const rules: OptionRules = Object.assign({}, ...extensions.map((extension) => extension.options ?? {}));
    this.#options = resolveOptions(rules, options) as unknown as ResolvedServerOptions;
    this.#given = Object.freeze({ address, options: Object.freeze({ ...options }) });
    this.RequestHandlerClass = RequestHandlerClass;
    this.#life = new ServerLife<Request>({
      server: this,
      address,
      servicesWhileIdle: () => this.serviceActions !== BaseServer.prototype.serviceActions,
      getsOwnRequests: () => this.getRequest !== BaseServer.prototype.getRequest,
      createSource: (owner) => this.createSource(owner),
      publish: (event, ...args) => this.publish(event, ...args),
    });
  }

  // What callers call.

  /** The address of the server: the real one after `listen()`, else the one that was given. */
  get serverAddress(): Address {
    return this.#life.address;
  }

  /** The options with their defaults; frozen. */
  get options(): ResolvedServerOptions {
    return this.#options;
  }

  /** Where the server is in its life. */
  get state(): ServerState {
    return this.#life.state;
  }

  /**
   * Whether new clients should be sent here: the server serves, and `close()` was not called. In a worker: the same, as the listener side says, from when
   * it is bound. For the health check that a load balancer asks.
   */
  get ready(): boolean {
    return this.#life.ready;
  }

  /** What the server has done so far, by the reasons. In a worker: what its replica has. */
  get statistics(): ServerStatistics {
    return this.#life.statistics;
  }

  /** Who may come in, as it is now; in a worker, as it was at first. See {@link BaseServer.changeAdmission}. */
  get admission(): ResolvedAdmissionOptions {
    return this.#life.reception.admission.settings;
  }

  /** How many requests are running or closing; those that wait for their turn are not among them. */
  get activeRequests(): number {
    return this.#life.registry.takenSize;
  }

  /**
   * Bind and listen; resolves with the real address. `serveForever()` and `handleRequest()` call it if needed; calling it again answers the same.
   *
   * @throws `SocketServerError` with the system's code, such as `EADDRINUSE`; the server can then be tried again. `ERR_SOCKETSERVER_SERVER_CLOSED`
   * after `close()`.
   * @throws what keeps workers from starting: `SocketServerError` `ERR_SOCKETSERVER_CLASS_NOT_FOUND`, `ERR_SOCKETSERVER_CLASS_AMBIGUOUS`,
   * `ERR_SOCKETSERVER_REPLICA_FAILED`, `ERR_SOCKETSERVER_NO_MAIN_GUARD`, `ERR_SOCKETSERVER_ENTRY_MISSING`, `ERR_SOCKETSERVER_WORKER_LOST`; `TypeError`
   * `ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE`.
   */
  listen(): Promise<Address> {
    return this.#life.listen();
  }

  /**
   * Serve until `shutdown()` or `close()`; resolves when the last request that it waits for has ended. Can be called again after `shutdown()`, once the
   * promise of the last call has resolved.
   *
   * @throws `SocketServerError` `ERR_SOCKETSERVER_ALREADY_SERVING` while the server takes requests, `ERR_SOCKETSERVER_WORKERS_FAILED` when it has given up; what
   * `listen()` throws.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.serve_forever | serve_forever}
   */
  serveForever({ signals = false, signal }: ServeOptions = {}): Promise<void> {
    return this.#life.serve(signals, signal);
  }

  /**
   * Take one request; resolves when `processRequest` does. After `timeoutMs` without one, `handleTimeout()` is called.
   *
   * @throws as `serveForever()`.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.handle_request | handle_request}
   */
  async handleRequest(): Promise<void> {
    const { timeoutMs, verifyTimeoutMs } = this.#options;
    if (await this.#life.serveOne(timeoutMs))
      await settleWithin("handleTimeout", this.handleTimeout(), verifyTimeoutMs);
  }

  /**
   * Stop taking requests now; resolves when no further one will come to `processRequest()`. What was taken goes on, also if it still waits for a worker
   * with room, and the listening socket stays open: what comes waits for the next `serveForever()`. Can be called from a handler, twice, or before
   * the start.
   *
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.shutdown | shutdown}
   */
  async shutdown(): Promise<void> {
    const { listenerSide } = this.#life;
    if (listenerSide !== undefined) return listenerSide.shutdown(this.#caller.record?.id);
    return this.#life.stopTaking(this.#caller);
  }

  /**
   * Change who may come in, and how many, from now on; what is left out stays as it is, and those who are inside stay there. Can be called before the
   * start and from a handler, also in a worker; resolves when the new rules are in force.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION`; nothing is changed then.
   */
  async changeAdmission(options: AdmissionOptions): Promise<void> {
    const { listenerSide, reception } = this.#life;
    // Here, too: what is wrong may not even cross to the listener side.
    checkAdmission(options);
    if (listenerSide !== undefined) return listenerSide.changeAdmission(options);
    reception.admission.change(options);
  }

  /**
   * Add clients to `denyAddresses`: addresses, subnets such as `203.0.113.0/24`, or the `clientAddress` of a handler, whatever its port. As
   * `changeAdmission()` otherwise; several workers may do it at once.
   *
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION`, also for a client of a Unix socket, which has no address.
   */
  async deny(...clients: readonly (string | Address)[]): Promise<void> {
    const denyAddresses = clients.map(
      (client) => (client as Partial<InternetAddress> | null)?.host ?? (client as string),
    );
    checkAdmission({ denyAddresses });
    const { listenerSide, reception } = this.#life;
    if (listenerSide !== undefined) return listenerSide.deny(...denyAddresses);
    reception.admission.deny(denyAddresses);
  }

  /**
   * Listen in place of another server of the same kind that is listening: its socket, and all who wait, are this server's from then on, so that nobody is
   * refused meanwhile. The other one drains, as by `close({ lameDuckMs: 0 })`; its own `close()` tells when it has. Resolves with its address; the one that this
   * server was given is not used. The rules of admission are those of this server: give it `...predecessor.admission` to keep what was changed. Serve then as
   * usual.
   *
   * @throws `SocketServerError` `ERR_SOCKETSERVER_ALREADY_SERVING` if this server listens already, `ERR_SOCKETSERVER_SERVER_CLOSED` if the other one does not,
   * `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` about one of another kind, and what `serverActivate()` throws; the other one goes on then.
   */
  async takeOver(predecessor: BaseServer<Request>): Promise<Address> {
    if (!(predecessor instanceof BaseServer)) {
      throw typeError(
        ErrorCode.invalidArgument,
        `Cannot take over: the other one must be a server, received ${show(predecessor)}`,
      );
    }
    return this.#life.takeOver(predecessor.#life);
  }

  /**
   * Stop accepting, let running requests end, cut what is left after `graceMs`, close everything. With a `lameDuckMs`, accepting goes on for that time
   * first. Resolves soon after that deadline at the latest (up to half a second each for handlers that called `close()` and for `serverStop()`), and tells
   * what it did.
   *
   * Idempotent: a later call can only shorten the deadline. Called in a handler, it does not wait for that handler.
   *
   * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` for a time that is none.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.server_close | server_close}
   */
  async close(options: CloseOptions = {}): Promise<DrainReport> {
    for (const name of ["graceMs", "lameDuckMs"] as const) checkTime(name, options[name]);
    const { listenerSide } = this.#life;
    const caller = this.#caller;
    if (listenerSide !== undefined) return listenerSide.close(options, caller.record?.id);
    return this.#life.close(caller, this.#limitsOf(options));
  }

  /** `close()` with the default grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // The life of a request, in its order. All of it may be overridden.

  /** Wait for the next request. Override it to change what a request is, or who its client is. */
  getRequest(): Accepted<Request> | Promise<Accepted<Request>> {
    return this.#life.nextRequest();
  }

  /** Whether to serve this request. Reads no byte of it. One at a time: slow checks belong in `authorizeRequest`. */
  verifyRequest(_request: Request, _clientAddress: Address): boolean | Promise<boolean> {
    return true;
  }

  /** Serve a request; the loop waits for it. Mixins change this word. */
  processRequest(request: Request, clientAddress: Address): void | Promise<void> {
    const record = this.#life.registry.take(request, clientAddress);
    return this.#life.runner.runUntilDeadline(record, request, clientAddress);
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
    const record = this.#life.registry.find(request);
    if (record === undefined) return;
    record.closing = true;
    void request.linger().then(() => this.#life.runner.closeOnce(record, request));
  }

  /** Close the request. Called exactly once for each, unless it is lost with its worker; override it for clean-up, and call `super`'s. */
  closeRequest(request: Request): void | Promise<void> {
    const record = this.#life.registry.find(request);
    if (record !== undefined) record.closeCalled = true;
    request.destroy();
  }

  /** A hook or a handler threw. Reports it as `requestError`; says nothing about ordinary disconnects. */
  handleError(error: unknown, request: Request, clientAddress: Address): void | Promise<void> {
    if (!(request.owns(error) && isDisconnect(error))) this.#life.reportError(error, clientAddress);
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
   * Close what `serverActivate()` opened; called after the last request, and when `serverActivate()` or binding failed; and again if
   * `serverActivate()` goes on after it was given up. An override calls `super`'s last.
   */
  serverStop(): void | Promise<void> {}

  // For authors of server classes and mixins.

  /** Where requests come from. Called once by `listen()` or `takeOver()`, which uses it only to know which kind that is. */
  protected abstract createSource(owner: SourceOwner<Request>): RequestSource<Request>;

  /** Emit an event, and publish it on its diagnostics channel. A listener that throws does no harm. */
  protected publish<Event extends keyof ServerEvents>(event: Event, ...args: Parameters<ServerEvents[Event]>): void {
    // The emitter's own types do not follow a generic event name.
    (this as unknown as EventEmitter).emit(event, ...args);
    const diagnostics = diagnosticsOf(event);
    if (diagnostics.hasSubscribers) diagnostics.publish({ server: this, args });
  }

  /** A listener failed: report it, or print it if the one that failed is who would hear the report. */
  protected override listenerFailed(event: string | symbol, error: unknown): void {
    if (event === "requestError") printErrorReport(error, undefined);
    else this.#life.reportError(error, undefined);
  }

  /** The part of a request's life after `processRequest`: what a mixin runs concurrently or later. Resolves when its handler has ended; never rejects. */
  protected runRequest(request: Request, clientAddress: Address): Promise<void> {
    const record = this.#life.registry.take(request, clientAddress);
    return this.#life.runner.run(record, request, clientAddress);
  }

  /** A request is about to move to a worker, which says when it has it, and then what becomes of it. */
  protected moveRequest(request: Request): MovedRequest {
    const record = this.#life.registry.take(request, request.remoteAddress);
    return new MovedRequest(this.#life.registry, record);
  }

  /** A worker's replica failed where the listener side has to speak of it. */
  protected reportError(error: unknown, clientAddress: Address | undefined): void {
    this.#life.reportError(error, clientAddress);
  }

  /**
   * The server cannot do its work any more: it drains and closes, and whoever waits in `serveForever()` or `handleRequest()` gets this error; if
   * nobody does, it is reported as `requestError`.
   */
  protected giveUp(error: Error): void {
    this.#life.giveUp(error);
  }

  /** A worker's replica calls `shutdown()`. */
  protected shutdownFor(callerId: CallerId): Promise<void> {
    return this.#life.stopTaking(callerInWorker(this.#life.registry, callerId));
  }

  /** A worker's replica calls `close()`. */
  protected closeFor(callerId: CallerId, options: CloseOptions): Promise<DrainReport> {
    return this.#life.close(callerInWorker(this.#life.registry, callerId), this.#limitsOf(options));
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
    return this.#life.becomeReplica(listenerSide);
  }

  get #caller(): Caller {
    return presentCaller(this.#life.registry);
  }

  #limitsOf({ graceMs = this.#options.graceMs, lameDuckMs = this.#options.lameDuckMs }: CloseOptions): CloseLimits {
    return { graceMs, lameDuckMs };
  }
}

/** What a server was constructed from, beside its handler class: plain data, so that a worker can construct its replica. */
export interface ConstructorArguments {
  readonly address: Address;
  readonly options: object;
}

/** The channels by their events. Kept, because looking one up by its name costs more than to publish nothing. */
const CHANNELS = new Map<string, Channel>();

function diagnosticsOf(event: string): Channel {
  const known = CHANNELS.get(event) ?? channel(`socketserver:${event}`);
  CHANNELS.set(event, known);
  return known;
}

function checkTime(name: string, ms: unknown): void {
  if (ms === undefined || ms === Infinity) return;
  if (typeof ms === "number" && ms >= 0 && ms <= MAX_TIMER_MS) return;
  throw rangeError(
    ErrorCode.invalidArgument,
    `Cannot close server: ${name} must be from 0 to ${MAX_TIMER_MS} or Infinity, received ${show(ms)}`,
  );
}
