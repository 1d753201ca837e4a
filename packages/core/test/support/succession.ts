import type { Address, BaseServer } from "@socketserver/core";

import type { Cell } from "../conformance/matrix.ts";

/** Servers of one cell at one address, each of which took over from the one before; all of them serve until they are closed. */
export class Succession implements AsyncDisposable {
  /** Oldest first. */
  readonly servers: BaseServer[] = [];
  /** What no server should have said: errors of accepting and of handlers, and refusals. */
  readonly complaints: unknown[] = [];
  readonly #make: () => Promise<BaseServer>;
  readonly #serving: Promise<void>[] = [];

  private constructor(make: () => Promise<BaseServer>) {
    this.#make = make;
  }

  /** The first server begins to serve. */
  static async begin(cell: Cell, handler: unknown, options: object = {}): Promise<Succession> {
    const settings = { ...cell.options, ...options };
    const make = async (): Promise<BaseServer> =>
      new cell.server((await cell.address()) as never, handler as never, settings as never);
    const succession = new Succession(make);
    const first = succession.#watch(await make());
    await first.listen();
    succession.#serve(first);
    return succession;
  }

  /** The newest. */
  get server(): BaseServer {
    return this.servers.at(-1) as BaseServer;
  }

  get address(): Address {
    return this.server.serverAddress;
  }

  /** A new server takes over and serves; the new one, and what `takeOver()` answered. */
  async takeOver(): Promise<readonly [BaseServer, Address]> {
    const old = this.server;
    const next = await this.#make();
    const address = await next.takeOver(old);
    this.#watch(next);
    this.#serve(next);
    return [next, address];
  }

  /** Close all of them, and wait for the end of each `serveForever()`. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
    await Promise.all(this.#serving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #watch(server: BaseServer): BaseServer {
    this.servers.push(server);
    server.on("acceptError", (error) => this.complaints.push(error));
    server.on("requestError", (error) => this.complaints.push(error));
    server.on("drop", (info) => this.complaints.push(info));
    return server;
  }

  #serve(server: BaseServer): void {
    const serving = server.serveForever();
    serving.catch(() => {
      // close() tells.
    });
    this.#serving.push(serving);
  }
}
