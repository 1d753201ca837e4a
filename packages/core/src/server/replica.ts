import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { BaseServer } from "./base-server.ts";
import type { ListenerSide } from "./listener-side.ts";
import type { RequestRegistry } from "./registry.ts";
import type { RequestRunner } from "./request-runner.ts";

/** The name of the method that makes a server a replica. */
export const becomeReplica: unique symbol = Symbol.for("socketserver.becomeReplica");

/** What a replica's server is told of the listener side. */
interface ListenerNews {
  listening(address: Address): void;
  leaving(): void;
}

/** The handler side of a server in a worker: it is given requests, and says what became of them. */
export class Replica<Request extends ServerRequest> {
  /** What the worker constructed. */
  readonly server: BaseServer<Request>;

  readonly #registry: RequestRegistry;
  readonly #runner: RequestRunner<Request>;
  readonly #listenerSide: ListenerSide;
  readonly #news: ListenerNews;

  constructor(
    server: BaseServer<Request>,
    registry: RequestRegistry,
    runner: RequestRunner<Request>,
    listenerSide: ListenerSide,
    news: ListenerNews,
  ) {
    this.server = server;
    this.#registry = registry;
    this.#runner = runner;
    this.#news = news;
    this.#listenerSide = listenerSide;
    registry.onEnd((record) => {
      if (record.stage === "gone") listenerSide.requestGone(record.id);
    });
  }

  /** The listener side is bound: this is its real address. */
  listening(address: Address): void {
    this.#news.listening(address);
  }

  /** The listener side is about to close. */
  leaving(): void {
    this.#news.leaving();
  }

  /** Run a request that the listener side counts as `id`. Never rejects. */
  async serve(id: number, request: Request, clientAddress: Address, draining: boolean): Promise<void> {
    this.#registry.open(request, clientAddress, id);
    const record = this.#registry.take(request, clientAddress);
    if (draining) record.drain();
    record.onOverdue = () => this.#listenerSide.requestOverdue(id);
    await this.#runner.run(record, request, clientAddress);
    this.#listenerSide.requestDone(id);
  }

  /** The server is going away: tell this request. */
  drain(id: number): void {
    this.#registry.get(id)?.drain();
  }

  /** Reset this request. */
  cut(id: number, reason: CloseReason): void {
    this.#registry.get(id)?.cut(reason);
  }
}
