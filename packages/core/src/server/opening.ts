import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError, typeError } from "../errors.ts";
import { DropReason } from "../events.ts";
import type { RequestSource } from "../transport/request-source.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { BaseServer } from "./base-server.ts";
import { refuseUnguarded } from "./boot-guard.ts";
import { inPlace } from "./call-context.ts";
import { LAST_STEPS_MS } from "./drain.ts";
import type { Reception } from "./reception.ts";
import type { RequestRegistry } from "./registry.ts";
import { settleWithin } from "./settle-within.ts";

/** A source, and its address once it is open. */
export interface Acquired<Request extends ServerRequest> {
  readonly source: RequestSource<Request>;
  readonly address: Promise<Address>;
}

/** What is opened for a server, and by whom. */
export interface OpeningParts<Request extends ServerRequest> {
  readonly server: BaseServer<Request>;
  readonly registry: RequestRegistry;
  readonly reception: Reception<Request>;
  /** The address that was given. */
  readonly address: Address;
  newSource(): RequestSource<Request>;
  /** @throws what keeps the server from being opened, or from staying so. */
  check(): void;
  /** It is open. */
  opened(address: Address): void;
  reportError(error: unknown): void;
}

/**
 * What a server opens, in order (`serverActivate`, then the source of its requests), and closes in reverse; whether it ran, could not start, or was closed
 * meanwhile.
 */
export class Opening<Request extends ServerRequest> {
  /** The address: the real one once it is open. */
  address: Address;

  readonly #parts: OpeningParts<Request>;
  #source: RequestSource<Request> | undefined;
  /** The source that was given away: what runs may still need it. */
  #given: RequestSource<Request> | undefined;
  #opened: PromiseWithResolvers<Address> | undefined;
  #activated = false;
  /** Whether the source is being opened, or is being closed because that was in vain. */
  #acquiring = false;

  constructor(parts: OpeningParts<Request>) {
    this.#parts = parts;
    this.address = parts.address;
  }

  /** Where requests come from, while that is open. */
  get source(): RequestSource<Request> | undefined {
    return this.#source;
  }

  /** Whether it was opened, or is being. */
  get begun(): boolean {
    return this.#opened !== undefined;
  }

  /** Open everything, once; after a failure it can be tried again. `acquire` gets the source. */
  open(acquire = (): Acquired<Request> => this.#newSource()): Promise<Address> {
    if (this.#opened === undefined) {
      const opened = Promise.withResolvers<Address>();
      // Known before anything is called that might ask for it again.
      this.#opened = opened;
      this.#open(acquire).then(opened.resolve, (error: unknown) => {
        this.#opened = undefined;
        opened.reject(error);
      });
    }
    return this.#opened.promise;
  }

  /**
   * Check that there is a source to give away.
   *
   * @param like - A source of the kind that is wanted.
   * @param wantsPath - Whether it has to be that of a Unix socket.
   * @throws `SocketServerError` `ERR_SOCKETSERVER_SERVER_CLOSED`, or `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` about the kind.
   */
  checkSource(like: RequestSource<Request>, wantsPath: boolean): void {
    const source = this.#source;
    if (source === undefined) {
      throw new SocketServerError(
        ErrorCode.serverClosed,
        `Cannot take over: the other server must be listening, and is ${this.#parts.server.state}`,
      );
    }
    const isPath = "path" in this.address;
    if (source.adopt !== undefined && source.constructor === like.constructor && isPath === wantsPath) return;
    const wanted = `${like.constructor.name} on ${wantsPath ? "a path" : "a port"}`;
    const found = `${source.constructor.name} on ${isPath ? "a path" : "a port"}`;
    throw typeError(
      ErrorCode.invalidArgument,
      `Cannot take over: the requests of the other server must come from a ${wanted}, and come from a ${found}`,
    );
  }

  /** Give the source away, with all that waits. */
  giveTo(successor: BaseServer<Request>, reception: Reception<Request>): Acquired<Request> {
    const source = this.#source;
    if (source?.adopt === undefined) {
      throw new SocketServerError(ErrorCode.serverClosed, "Cannot take over: the other server has closed meanwhile");
    }
    this.#source = undefined;
    this.#given = source;
    for (const request of source.adopt(reception, successor.options)) this.#parts.registry.release(request);
    // The source has asked the new server about them.
    this.#parts.reception.admission.refuseWaiting();
    return { source, address: Promise.resolve(this.address) };
  }

  /** Accept no more, and refuse what waits. */
  stop(): Promise<void> {
    const stopped = this.#quietly(this.#source?.stop());
    // Who came while it is just being opened is refused when that has failed.
    if (this.#source !== undefined) this.#refuseWaiting(this.#source);
    return stopped;
  }

  /**
   * If it is just being opened: wait until that has failed because the server closes, but for `serverActivate()` no longer than for `limit`. What is ours
   * ends soon, and has to: the address is free when the server is closed.
   */
  async failed(limit: Promise<void>): Promise<void> {
    if (this.#opened === undefined || this.#source !== undefined) return;
    const failed = this.#opened.promise.then(nothing, nothing);
    await Promise.race([failed, limit]);
    if (this.#acquiring) await this.#quietly(failed);
  }

  /** Call `serverStop()`, if `serverActivate()` was called; its failure is reported and stops nothing. */
  async deactivate(): Promise<void> {
    if (!this.#activated) return;
    this.#activated = false;
    try {
      const answer = inPlace(this.#parts.registry, "stopping", () => this.#parts.server.serverStop());
      await settleWithin("serverStop", answer, LAST_STEPS_MS);
    } catch (error) {
      this.#parts.reportError(error);
    }
  }

  /** Close the source; last of all. A `serverActivate()` that never settles does not hold up whoever waits for `listen()`. */
  async close(): Promise<void> {
    if (this.#source === undefined) {
      this.#opened?.reject(new SocketServerError(ErrorCode.serverClosed, "Cannot listen: the server is closed"));
    }
    await this.#quietly((this.#source ?? this.#given)?.close());
  }

  async #open(acquire: () => Acquired<Request>): Promise<Address> {
    const { registry, server } = this.#parts;
    refuseUnguarded();
    this.#parts.check();
    let acquired: Acquired<Request> | undefined;
    try {
      this.#activated = true;
      await inPlace(registry, "opening", () => server.serverActivate());
      // Whoever gave it up meanwhile has stopped what was active then.
      this.#activated = true;
      this.#parts.check();
      this.#acquiring = true;
      acquired = acquire();
      this.address = await acquired.address;
      this.#source = acquired.source;
      this.#parts.check();
    } catch (error) {
      await this.#discard(acquired?.source);
      this.#acquiring = false;
      await this.deactivate();
      throw error;
    }
    this.#acquiring = false;
    this.#parts.opened(this.address);
    return this.address;
  }

  #newSource(): Acquired<Request> {
    const source = this.#parts.newSource();
    return { source, address: source.open() };
  }

  /** Close a source that could not be opened, or is not wanted any more. */
  async #discard(source: RequestSource<Request> | undefined): Promise<void> {
    if (source === undefined) return;
    await this.#quietly(source.stop());
    this.#refuseWaiting(source);
    await this.#quietly(source.close());
    this.#source = undefined;
  }

  /** Refuse what waits for its turn, outside and in the queue. */
  #refuseWaiting(source: RequestSource<Request>): void {
    this.#parts.reception.admission.refuseWaiting();
    for (const [request, clientAddress] of source.queue.clear()) {
      request.cut(CloseReason.drain);
      this.#parts.reception.dropped(clientAddress, DropReason.draining);
    }
  }

  /** Wait for a source, which may be somebody else's, but not for long. */
  async #quietly(work: Promise<void> | undefined): Promise<void> {
    try {
      await settleWithin("source", work, LAST_STEPS_MS);
    } catch (error) {
      this.#parts.reportError(error);
    }
  }
}

function nothing(): void {
  // Whoever called listen() gets what came of it.
}
