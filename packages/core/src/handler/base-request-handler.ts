import type { Address } from "../address.ts";
import type { BaseServer } from "../server/base-server.ts";
import type { Connection } from "../transport/connection.ts";
import type { ServerRequest } from "../transport/server-request.ts";

/**
 * Handles one request. Subclass it and write `handle()`; a new instance is made for each request.
 *
 * The constructor only remembers. Then `setup()`, `handle()` and `finish()` are called in this order, each of which may be async; `finish()`
 * is called whenever `setup()` succeeded. The framework closes the request afterwards.
 *
 * @typeParam Server - The class of `this.server`.
 * @typeParam Request - What `this.request` is: a {@link Connection}, or a `Datagram` for UDP.
 * @see {@link https://docs.python.org/3/library/socketserver.html#request-handler-objects | Request Handler Objects}
 *
 * @example
 * ```ts run
 * import { BaseRequestHandler, TCPServer } from "@socketserver/core";
 * import { serve, talk } from "@socketserver/testing";
 *
 * class CountHandler extends BaseRequestHandler {
 *   override async handle(): Promise<void> {
 *     let bytes = 0;
 *     for await (const chunk of this.request) bytes += chunk.length;
 *     await this.request.sendAll(`${bytes} bytes\n`);
 *   }
 * }
 *
 * await using running = await serve(CountHandler, { server: TCPServer });
 * process.stdout.write(await talk(running.address, "hello"));
 * ```
 *
 * ```text
 * 5 bytes
 * ```
 */
export class BaseRequestHandler<Server extends BaseServer = BaseServer, Request extends ServerRequest = Connection> {
  /** The connection or datagram. The framework closes it. */
  readonly request: Request;
  /** Who sent the request, as `getRequest` of the server said. */
  readonly clientAddress: Address;
  /** The server; in a worker, the worker's replica of it. */
  readonly server: Server;

  /**
   * How long a read waits for the peer, in milliseconds; `Infinity` for ever, as in Python. Undefined leaves it to `idleTimeoutMs` of the
   * server.
   * @defaultValue undefined
   */
  timeoutMs: number | undefined = undefined;

  /**
   * Whether a read at a boundary answers end-of-stream when the server drains. A boundary is where nothing is buffered, and nothing was read since
   * we last wrote: no request is under way. A handler that reads and does not answer is never at one, and watches `drainSignal` instead. Set this
   * to false if end-of-stream means more to the protocol than "there is nothing more to do", such as "commit".
   * @defaultValue true
   */
  endOnDrain = true;

  constructor(request: Request, clientAddress: Address, server: Server) {
    this.request = request;
    this.clientAddress = clientAddress;
    this.server = server;
  }

  /** Aborted when the request is over: the peer is gone, a deadline has passed, the server cut it. */
  get signal(): AbortSignal {
    return this.request.signal;
  }

  /** Aborted when the server is going away: finish what you are doing. */
  get drainSignal(): AbortSignal {
    return this.request.drainSignal;
  }

  /** Called before `handle()`. If it throws, neither `handle()` nor `finish()` is called. */
  setup(): void | Promise<void> {}

  /** Serve the request. */
  handle(): void | Promise<void> {}

  /** Called after `handle()`, also if that threw. If it throws too, its error wins and has the first one as its `cause`, unless it only says that the peer is gone. */
  finish(): void | Promise<void> {}
}

/**
 * A class of handlers for requests of this kind.
 *
 * Which class of servers a handler asks for is between the two classes, hence `never`: every class of servers may be asked for.
 */
export type HandlerClass<Request extends ServerRequest = Connection> = new (
  request: Request,
  clientAddress: Address,
  server: never,
) => HandlerInstance;

/** What the framework asks of a handler. */
export interface HandlerInstance {
  readonly request: ServerRequest;
  readonly timeoutMs?: number | undefined;
  readonly endOnDrain?: boolean;
  /** Called first. */
  setup(): void | Promise<void>;
  /** Called after `setup()`. */
  handle(): void | Promise<void>;
  /** Called last, if `setup()` succeeded. */
  finish(): void | Promise<void>;
}
