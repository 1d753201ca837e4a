import type { Address } from "../address.ts";
import { ErrorCode, SocketServerError, show, typeError } from "../errors.ts";
import type { AcceptQueue } from "../transport/accept-queue.ts";
import type { Accepted, RequestSource } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { BaseServer } from "./base-server.ts";
import { callContext } from "./call-context.ts";
import type { RequestRegistry } from "./registry.ts";
import type { RequestRecord } from "./request-record.ts";
import type { RequestRunner } from "./request-runner.ts";
import { settleWithin } from "./settle-within.ts";

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
  /** Whether `serviceActions` is overridden: without that, an idle server needs no timer. */
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
  #getting: PromiseWithResolvers<void> | undefined;
  #starting: PromiseWithResolvers<void> | undefined;
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
        await this.#serveOne(accepted);
        await this.#serviceActions();
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
      await settleWithin("getRequest", this.#starting?.promise, verifyTimeoutMs);
    } catch (error) {
      this.#parts.onHookFailed(error);
      this.abandon();
    }
  }

  /** Resolves when no `getRequest()` is under way, so that whatever it brought is in the registry. */
  get taken(): Promise<void> {
    return this.#getting?.promise ?? Promise.resolve();
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
    this.#getting = Promise.withResolvers<void>();
    this.#starting = Promise.withResolvers<void>();
    let accepted: Accepted<Request> | undefined;
    try {
      const answer = this.#inLoop(() => this.#parts.server.getRequest());
      accepted = answer instanceof Promise ? await this.#untilAbandoned(answer, closeLate) : answer;
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

  async #serveOne([request, clientAddress]: Accepted<Request>): Promise<void> {
    // It was reset while it waited: there is nobody to serve.
    if (request.closeReason !== undefined) {
      this.#taken();
      return this.#started();
    }
    const record = this.#parts.registry.take(request, clientAddress);
    this.#current = record;
    this.#taken();
    this.#parts.onTaken(record);
    const context = { owner: this.#parts.registry, place: "request", record } as const;
    await callContext.run(context, () => this.#verifyAndProcess(record, request, clientAddress));
    this.#current = undefined;
    this.#started();
  }

  async #verifyAndProcess(record: RequestRecord, request: Request, clientAddress: Address): Promise<void> {
    const { server, runner } = this.#parts;
    let verified = false;
    let refusal: { readonly error?: unknown } = {};
    try {
      const answer = settleWithin(
        "verifyRequest",
        server.verifyRequest(request, clientAddress),
        server.options.verifyTimeoutMs,
      );
      verified = (answer instanceof Promise ? await this.#untilAbandoned(answer) : answer) === true;
    } catch (error) {
      refusal = { error };
    }
    if (!verified) {
      await this.#untilAbandoned(runner.refuse(record, request, refusal));
      return;
    }
    try {
      const work = server.processRequest(request, clientAddress);
      this.#started();
      if (work instanceof Promise) await this.#untilAbandoned(work);
    } catch (error) {
      await this.#untilAbandoned(runner.fail(record, request, error));
    }
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

  #inLoop<Value>(word: () => Value): Value {
    return callContext.run({ owner: this.#parts.registry, place: "loop" }, word);
  }

  #taken(): void {
    this.#getting?.resolve();
    this.#getting = undefined;
  }

  #started(): void {
    this.#starting?.resolve();
    this.#starting = undefined;
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
  if (Array.isArray(accepted)) (accepted[0] as ServerRequest | undefined)?.destroy();
}

/** An override may answer anything. */
function checkAccepted(accepted: unknown): void {
  if (Array.isArray(accepted) && typeof accepted[0] === "object" && typeof accepted[1] === "object") return;
  throw typeError(
    ErrorCode.invalidArgument,
    `Cannot take request: getRequest() must answer [request, clientAddress], received ${show(accepted)}`,
  );
}
