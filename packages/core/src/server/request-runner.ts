import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { closeReasonFor } from "../transport/close-reason-for.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { BaseServer } from "./base-server.ts";
import type { RequestRegistry } from "./registry.ts";
import { inRequest } from "./call-context.ts";
import { RequestClocks } from "./request-clocks.ts";
import type { RequestRecord } from "./request-record.ts";
import { isPromiseLike, settleWithin } from "./settle-within.ts";
import { turnsAfterCut } from "./turns-after-cut.ts";

/**
 * Runs the handler side of a request's life: `prepareRequest -> authorizeRequest -> finishRequest -> shutdownRequest -> closeRequest`.
 *
 * Whatever these words do (throw, hang, close by themselves) the request ends with one close and one reason. The words are the server's, the
 * order and the guarantees are here.
 */
export class RequestRunner<Request extends ServerRequest> {
  readonly #server: BaseServer<Request>;
  readonly #registry: RequestRegistry;
  readonly #report: (error: unknown, clientAddress: Address | undefined) => void;

  constructor(
    server: BaseServer<Request>,
    registry: RequestRegistry,
    report: (error: unknown, clientAddress: Address | undefined) => void,
  ) {
    this.#server = server;
    this.#registry = registry;
    this.#report = report;
  }

  /** Run a request to the end of its handler. It is cut at its deadline, which a handler may ignore. Never rejects. */
  run(record: RequestRecord, request: Request, clientAddress: Address): Promise<void> {
    record.started = true;
    // It was closed while it waited for its turn: there is nobody to serve.
    if (request.destroyed) return this.#shutdown(record, request);
    this.#startClocks(record, request);
    request.begin();
    return inRequest(this.#registry, record, () => this.#work(record, request, clientAddress));
  }

  /** The same, but wait no longer than until the deadline has passed. */
  async runUntilDeadline(record: RequestRecord, request: Request, clientAddress: Address): Promise<void> {
    const work = this.run(record, request, clientAddress);
    if (this.#server.options.deadlineMs === Infinity) return work;
    const { promise, resolve } = Promise.withResolvers<void>();
    void work.then(resolve);
    record.onOverdue = resolve;
    await promise;
  }

  /** A request will not be run: tell `handleError` why if there is an error, and close it. Never rejects. */
  async refuse(record: RequestRecord, request: Request, refusal: { readonly error?: unknown }): Promise<void> {
    request.conclude(CloseReason.refused);
    if ("error" in refusal) await this.#handleError(refusal.error, request, record.clientAddress);
    await this.#shutdown(record, request);
  }

  /** `processRequest` threw: a request that is not moving or running elsewhere ends here. Never rejects. */
  async fail(record: RequestRecord, request: Request, error: unknown): Promise<void> {
    request.conclude(closeReasonFor(request, error));
    await this.#handleError(error, request, record.clientAddress);
    await this.#shutdown(record, request);
  }

  /** Reset a request, and close it even if its handler never notices. */
  cut(record: RequestRecord, request: Request, reason: CloseReason): void {
    record.clocks?.stop();
    request.cut(reason);
    void turnsAfterCut().then(() => this.#closeUnnoticed(record, request));
  }

  readonly #cutOnTime = (record: RequestRecord, request: ServerRequest, reason: CloseReason): void =>
    this.cut(record, request as Request, reason);

  /** Call `closeRequest`, unless it was called, and make sure that the request is closed. Never rejects. */
  closeOnce(record: RequestRecord, request: Request): Promise<void> {
    record.cleanUp ??= this.#close(record, request);
    return record.cleanUp;
  }

  /** Let the request end at its deadline and at its age, if it has any. */
  #startClocks(record: RequestRecord, request: Request): void {
    const { options } = this.#server;
    if (options.deadlineMs === Infinity && options.maxAgeMs === Infinity) return;
    record.clocks = new RequestClocks(record, request, options, this.#cutOnTime);
  }

  /** Close a request that was cut; one that nobody has begun to run has no handler that could end. */
  async #closeUnnoticed(record: RequestRecord, request: Request): Promise<void> {
    await this.closeOnce(record, request);
    if (!record.started) this.#registry.settle(record);
  }

  async #close(record: RequestRecord, request: Request): Promise<void> {
    try {
      const { verifyTimeoutMs } = this.#server.options;
      if (!record.closeCalled) {
        record.closeCalled = true;
        const answer = inRequest(this.#registry, record, () => this.#server.closeRequest(request));
        if (isPromiseLike(answer)) await settleWithin("closeRequest", answer, verifyTimeoutMs);
      }
    } catch (error) {
      this.#report(error, record.clientAddress);
    }
    request.destroy();
    this.#registry.cleanedUp(record);
  }

  async #work(record: RequestRecord, request: Request, clientAddress: Address): Promise<void> {
    const server = this.#server;
    const { verifyTimeoutMs } = server.options;
    try {
      // Waited for in any case: the loop must have let go of the request before its handler begins, which may close the server.
      await settleWithin("prepareRequest", server.prepareRequest(request), verifyTimeoutMs);
      const authorized = this.#authorize(request, clientAddress);
      if (isPromiseLike(authorized) ? await authorized : authorized) {
        await server.finishRequest(request, clientAddress);
        request.conclude(CloseReason.done);
      }
    } catch (error) {
      request.conclude(closeReasonFor(request, error));
      await this.#handleError(error, request, clientAddress);
    }
    await this.#shutdown(record, request);
    record.clocks?.stop();
  }

  /** A check that throws or hangs says no; its error is reported all the same. */
  #authorize(request: Request, clientAddress: Address): boolean | Promise<boolean> {
    let answer: boolean | Promise<boolean> = false;
    try {
      answer = this.#server.authorizeRequest(request, clientAddress);
    } finally {
      if (!answer) request.conclude(CloseReason.unauthorized);
    }
    return isPromiseLike(answer) ? this.#authorizeLater(request, answer) : answer;
  }

  async #authorizeLater(request: Request, answer: Promise<boolean>): Promise<boolean> {
    let authorized = false;
    try {
      authorized = await settleWithin("authorizeRequest", answer, this.#server.options.verifyTimeoutMs);
    } finally {
      if (!authorized) request.conclude(CloseReason.unauthorized);
    }
    return authorized;
  }

  async #handleError(error: unknown, request: Request, clientAddress: Address): Promise<void> {
    try {
      const answer = this.#server.handleError(error, request, clientAddress);
      await settleWithin("handleError", answer, this.#server.options.verifyTimeoutMs);
    } catch (second) {
      this.#report(second, clientAddress);
    }
  }

  async #shutdown(record: RequestRecord, request: Request): Promise<void> {
    try {
      const answer = this.#server.shutdownRequest(request);
      if (isPromiseLike(answer)) {
        await settleWithin("shutdownRequest", answer, this.#server.options.verifyTimeoutMs);
      }
    } catch (error) {
      this.#report(error, record.clientAddress);
    }
    if (record.closeCalled) await this.closeOnce(record, request);
    // The word failed before it got that far: end it as it would have.
    else if (!record.closing) void request.linger().then(() => this.closeOnce(record, request));
    this.#registry.settle(record);
  }
}
