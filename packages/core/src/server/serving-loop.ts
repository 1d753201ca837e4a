import type { Address } from "../address.ts";
import { ErrorCode, SocketServerError, show, typeError } from "../errors.ts";
import type { AcceptQueue } from "../transport/accept-queue.ts";
import type { Accepted, RequestSource } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { BaseServer } from "./base-server.ts";
import { inPlace, inRequest } from "./call-context.ts";
import type { RequestRegistry } from "./registry.ts";
import type { RequestRecord } from "./request-record.ts";
import type { RequestRunner } from "./request-runner.ts";
import { isPromiseLike, settleWithin } from "./settle-within.ts";
import { UnderWay } from "./under-way.ts";

/** Rejects the waiting `getRequest()` of a loop that has stopped. */
const CALLED_OFF = new SocketServerError(ErrorCode.serverClosed, "Cannot get request: the serving loop has stopped");

/** Waits after a failed `getRequest()`, in milliseconds, doubled for each failure in a row: a broken one must not spin. */
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1_000;

/** What a loop works with. */
export interface LoopParts<Request extends ServerRequest> {
  readonly server: BaseServer<Request>;
  readonly source: RequestSource<Request>;
  readonly registry: RequestRegistry;
  readonly runner: RequestRunner<Request>;
  /** Whether `getRequest` is overridden: what it does is code that is not ours then. */
  readonly getsOwnRequests: boolean;
  /** Whether `serviceActions` is overridden: without that, an idle server needs no timer, and a busy one nothing to call. */
  readonly servicesWhileIdle: boolean;
  /** A request was taken. */
  readonly onTaken: (record: RequestRecord) => void;
  /** `getRequest()` failed. */
  readonly onGetRequestFailed: (error: unknown) => void;
  /** A hook of no particular request failed. */
  readonly onHookFailed: (error: unknown) => void;
}

/**
 * One run of Python's loop: `getRequest -> verifyRequest -> await processRequest -> serviceActions`.
 *
 * Between being taken and being started a request belongs to nobody else, so a stop that is asked for meanwhile is complete when it has started.
 * Everything that is not ours is waited for through `#untilAbandoned`, so that the end of the server ends every wait.
 */
export class ServingLoop<Request extends ServerRequest> {
  readonly #parts: LoopParts<Request>;
  /** Where its requests wait. The source may be another server's later, and has another one then. */
  readonly #queue: AcceptQueue<Accepted<Request>>;
  #stopped = false;
  #abandoned = false;
  #current: RequestRecord | undefined;
  readonly #getting = new UnderWay();
  readonly #starting = new UnderWay();
  /** Ends each wait for code that is not ours: that of the loop, and that of `serviceActions` while the loop waits. */
  readonly #waits = new Set<() => void>();
  #failuresInRow = 0;
  #servicing = false;

  constructor(parts: LoopParts<Request>) {
    this.#parts = parts;
    this.#queue = parts.source.queue;
  }

  /** Serve until stopped. */
  async serve(): Promise<void> {
    const { server, servicesWhileIdle } = this.#parts;
    const { pollIntervalMs } = server.options;
    const idleTimer =
      servicesWhileIdle && pollIntervalMs !== Infinity
        ? setInterval(() => void this.#serviceActions(), pollIntervalMs)
        : undefined;
    try {
      while (!this.#stopped) {
        const accepted = await this.#take();
        if (accepted === undefined) continue;
        const served = this.#serveOne(accepted);
        if (served !== undefined) await served;
        if (servicesWhileIdle) await this.#serviceActions();
      }
    } finally {
      clearInterval(idleTimer);
    }
  }

  /** Serve one request, if one comes within `timeoutMs`; whether that time passed without one. */
  async serveOneWithin(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    let timedOut = false;
    if (timeoutMs !== Infinity) {
      timer = setTimeout(() => {
        timedOut = !this.#stopped;
        this.#stopTaking();
      }, timeoutMs);
    }
    const accepted = await this.#take();
    clearTimeout(timer);
    if (accepted === undefined) return timedOut;
    await this.#serveOne(accepted);
    await this.#serviceActions();
    return false;
  }

  /** Whether no further request may be taken. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether the loop waits for this request. */
  waitsFor(record: RequestRecord): boolean {
    return this.#current === record;
  }

  /** Take no further request. Resolves when none will start: at once, unless one was taken and has not started. */
  async stop(): Promise<void> {
    this.#stopTaking();
    const { verifyTimeoutMs } = this.#parts.server.options;
    try {
      await settleWithin("getRequest", this.#starting.over, verifyTimeoutMs);
    } catch (error) {
      this.#parts.onHookFailed(error);
      this.abandon();
    }
  }

  /** Resolves when no `getRequest()` is under way, so that whatever it brought is in the registry. */
  get taken(): Promise<void> {
    return this.#getting.over;
  }

  /** Take no further request, without waiting. */
  #stopTaking(): void {
    this.#stopped = true;
    this.#queue.callOff(CALLED_OFF);
  }

  /** The server has ended: wait for nothing any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#stopTaking();
    this.#taken();
    this.#started();
    for (const end of this.#waits) end();
  }

  /** The next request; undefined when there was none, because the loop was stopped or `getRequest()` failed. */
  async #take(): Promise<Accepted<Request> | undefined> {
    if (this.#stopped) return undefined;
    this.#getting.begin();
    this.#starting.begin();
    let accepted: Accepted<Request> | undefined;
    try {
      accepted = await this.#nextRequest();
      if (!this.#abandoned) checkAccepted(accepted);
      this.#failuresInRow = 0;
    } catch (error) {
      accepted = undefined;
      if (!this.#stopped) {
        this.#parts.onGetRequestFailed(error);
        await this.#pause();
      }
    }
    if (accepted === undefined) {
      this.#taken();
      this.#started();
    }
    return accepted;
  }

  /** What our own queue brings needs no guard: stopping the loop calls it off. */
  #nextRequest(): Accepted<Request> | Promise<Accepted<Request> | undefined> {
    const { server, getsOwnRequests } = this.#parts;
    if (!getsOwnRequests) return server.getRequest();
    const answer = this.#inLoop(() => server.getRequest());
    return answer instanceof Promise ? this.#untilAbandoned(answer, closeLate) : answer;
  }

  /** Serve a request, as far as the loop waits for that: a promise if it has to. */
  #serveOne([request, clientAddress]: Accepted<Request>): Promise<void> | undefined {
    // It was reset while it waited: there is nobody to serve.
    if (request.closeReason !== undefined) {
      this.#taken();
      this.#started();
      return undefined;
    }
    const record = this.#parts.registry.take(request, clientAddress);
    this.#current = record;
    this.#taken();
    this.#parts.onTaken(record);
    const work = inRequest(this.#parts.registry, record, () => this.#verifyAndProcess(record, request, clientAddress));
    if (work !== undefined) return work.then(() => this.#served());
    this.#served();
    return undefined;
  }

  #served(): void {
    this.#current = undefined;
    this.#started();
  }

  #verifyAndProcess(record: RequestRecord, request: Request, clientAddress: Address): Promise<void> | undefined {
    const { server } = this.#parts;
    let answer: boolean | Promise<boolean>;
    try {
      answer = server.verifyRequest(request, clientAddress);
    } catch (error) {
      return this.#refuse(record, request, { error });
    }
    if (isPromiseLike(answer)) return this.#verifyLater(record, request, answer);
    return answer ? this.#process(record, request, clientAddress) : this.#refuse(record, request, {});
  }

  async #verifyLater(record: RequestRecord, request: Request, answer: Promise<boolean>): Promise<void> {
    let verified: boolean | undefined = false;
    let refusal: { readonly error?: unknown } = {};
    try {
      const limited = settleWithin("verifyRequest", answer, this.#parts.server.options.verifyTimeoutMs);
      verified = await this.#untilAbandoned(Promise.resolve(limited));
    } catch (error) {
      refusal = { error };
    }
    await (verified === true
      ? this.#process(record, request, record.clientAddress)
      : this.#refuse(record, request, refusal));
  }

  /** Start what `processRequest()` does, and wait for it if it says so. */
  #process(record: RequestRecord, request: Request, clientAddress: Address): Promise<void> | undefined {
    const failed = (error: unknown): Promise<void> =>
      this.#untilAbandoned(this.#parts.runner.fail(record, request, error));
    try {
      const work = this.#parts.server.processRequest(request, clientAddress);
      this.#started();
      return work instanceof Promise ? this.#untilAbandoned(work).catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }

  async #refuse(record: RequestRecord, request: Request, refusal: { readonly error?: unknown }): Promise<void> {
    await this.#untilAbandoned(this.#parts.runner.refuse(record, request, refusal));
  }

  async #serviceActions(): Promise<void> {
    if (this.#servicing) return;
    this.#servicing = true;
    try {
      const { server } = this.#parts;
      const answer = this.#inLoop(() => server.serviceActions());
      if (answer instanceof Promise) {
        await this.#untilAbandoned(
          Promise.resolve(settleWithin("serviceActions", answer, server.options.verifyTimeoutMs)),
        );
      }
    } catch (error) {
      this.#parts.onHookFailed(error);
    } finally {
      this.#servicing = false;
    }
  }

  #inLoop<Value>(word: () => Value | Promise<Value>): Value | Promise<Value> {
    return inPlace(this.#parts.registry, "loop", word);
  }

  #taken(): void {
    this.#getting.end();
  }

  #started(): void {
    this.#starting.end();
  }

  async #pause(): Promise<void> {
    const ms = Math.min(FIRST_RETRY_MS * 2 ** this.#failuresInRow++, LAST_RETRY_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await this.#untilAbandoned(promise);
    clearTimeout(timer);
  }

  /**
   * Wait for code that is not ours, until the server has ended. What it answers after that goes to `late`.
   *
   * No race with a promise that lives as long as the server: such a race keeps every result alive.
   */
  async #untilAbandoned<Value>(work: Promise<Value>, late?: (value: Value) => void): Promise<Value | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Value | undefined>();
    const end = (): void => resolve(undefined);
    this.#waits.add(end);
    work.then((value) => {
      if (this.#abandoned) late?.(value);
      resolve(value);
    }, reject);
    if (this.#abandoned) resolve(undefined);
    try {
      return await promise;
    } finally {
      this.#waits.delete(end);
    }
  }
}

/** A request that `getRequest()` brings after the server has ended is not served. */
function closeLate(accepted: Accepted<ServerRequest>): void {
  if (isAccepted(accepted)) accepted[0].destroy();
}

function checkAccepted(accepted: unknown): void {
  if (isAccepted(accepted)) return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot take request: getRequest() must answer [request, clientAddress], received ${show(accepted)}`,
  );
}

/** An override may answer anything. */
function isAccepted(accepted: unknown): accepted is Accepted<ServerRequest> {
  if (!Array.isArray(accepted)) return false;
  const [request, clientAddress] = accepted as [Partial<ServerRequest> | null | undefined, unknown];
  return typeof request?.onClosed === "function" && typeof clientAddress === "object" && clientAddress !== null;
}
