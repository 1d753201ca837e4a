import {
  TCPServer,
  type Address,
  type BaseServer,
  type CloseOptions,
  type ClosedRequestInfo,
  type DrainReport,
  type DropInfo,
  type RequestInfo,
} from "@socketserver/core";

/** A class of servers, to be made with an address, a handler class and options. */
// The parameters are those of any server class, mixed or not: the compiler checks them where the class is named.
export type AnyServerClass<Server extends BaseServer = BaseServer> = new (
  address: never,
  handler: never,
  options?: never,
) => Server;

/** How to serve. */
export interface ServeSettings<ServerClass> {
  /** The class of the server. @defaultValue `TCPServer` */
  readonly server?: ServerClass;
  /** Where to listen. @defaultValue `{ host: "127.0.0.1", port: 0 }` */
  readonly address?: unknown;
  /** Its options. @defaultValue none */
  readonly options?: object;
}

/** A server that serves in the background of a test, and what it has said so far. */
export class RunningServer<Server extends BaseServer = BaseServer> implements AsyncDisposable {
  readonly server: Server;
  /** Every `request` event. */
  readonly requests: RequestInfo[] = [];
  /** Every `requestClosed` event. */
  readonly closedRequests: ClosedRequestInfo[] = [];
  /** Every `requestError` event: none is printed. */
  readonly errors: unknown[] = [];
  /** Every `drop` event. */
  readonly drops: DropInfo[] = [];
  readonly #serving: Promise<void>;

  /** Use {@link serve}. */
  constructor(server: Server, serving: () => Promise<void>) {
    this.server = server;
    server.on("request", (info) => this.requests.push(info));
    server.on("requestClosed", (info) => this.closedRequests.push(info));
    server.on("requestError", (error) => this.errors.push(error));
    server.on("drop", (info) => this.drops.push(info));
    this.#serving = serving();
    this.#serving.catch(() => {
      // close() and served tell.
    });
  }

  /** The real address. */
  get address(): Address {
    return this.server.serverAddress;
  }

  /** The real port. */
  get port(): number {
    const { address } = this;
    if ("path" in address) throw new TypeError(`Cannot tell port: the server listens on the path ${address.path}`);
    return address.port;
  }

  /** Resolves when `serveForever()` does. */
  get served(): Promise<void> {
    return this.#serving;
  }

  /** Resolves when as many requests have closed; at once if they have. */
  async closedCount(count: number): Promise<readonly ClosedRequestInfo[]> {
    while (this.closedRequests.length < count) {
      await new Promise((resolve) => this.server.once("requestClosed", resolve));
    }
    return this.closedRequests;
  }

  /** Close the server, and wait for the end of `serveForever()`. */
  async close(options?: CloseOptions): Promise<DrainReport> {
    const report = await this.server.close(options);
    await this.#serving;
    return report;
  }

  /** {@link RunningServer.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Serve with a handler in the background of a test; resolves when the server listens. Whoever calls it closes it: use `await using`.
 *
 * @example
 * ```ts run
 * import { AsyncTCPServer, StreamRequestHandler } from "@socketserver/core";
 * import { serve, talk } from "@socketserver/testing";
 *
 * class EchoHandler extends StreamRequestHandler {
 *   override async handle(): Promise<void> {
 *     for await (const line of this.rfile) await this.wfile.write(line);
 *   }
 * }
 *
 * await using running = await serve(EchoHandler, { server: AsyncTCPServer });
 * process.stdout.write(await talk(running.address, "hello\n"));
 * const [closed] = await running.closedCount(1);
 * console.log(closed?.bytesRead, closed?.reason);
 * ```
 *
 * ```text
 * hello
 * 6 peer-end
 * ```
 */
export async function serve<Server extends BaseServer = TCPServer>(
  handler: unknown,
  settings: ServeSettings<AnyServerClass<Server>> = {},
): Promise<RunningServer<Server>> {
  const { address = { host: "127.0.0.1", port: 0 }, options = {} } = settings;
  const ServerClass = (settings.server ?? TCPServer) as AnyServerClass<Server>;
  const server = new ServerClass(address as never, handler as never, options as never);
  await server.listen();
  return new RunningServer(server, () => server.serveForever());
}
