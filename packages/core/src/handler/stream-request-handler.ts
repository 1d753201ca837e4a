import { ErrorCode, rangeError, show } from "../errors.ts";
import type { BaseServer } from "../server/base-server.ts";
import type { Connection } from "../transport/connection.ts";
import { BaseRequestHandler } from "./base-request-handler.ts";
import { StreamReader } from "./stream-reader.ts";
import { StreamWriter } from "./stream-writer.ts";

/**
 * Handles a connection as two files: read from `rfile`, write to `wfile`.
 *
 * A subclass that overrides `setup()` or `finish()` calls `super`'s.
 *
 * @example
 * ```ts run
 * import { StreamRequestHandler, TCPServer } from "@socketserver/core";
 * import { serve, talk } from "@socketserver/testing";
 *
 * class GreetHandler extends StreamRequestHandler {
 *   override async handle(): Promise<void> {
 *     // With its ending; empty at the end of the stream.
 *     const name = String(await this.rfile.readLine()).trimEnd();
 *     await this.wfile.write(`hello ${name}\n`);
 *   }
 * }
 *
 * await using running = await serve(GreetHandler, { server: TCPServer });
 * process.stdout.write(await talk(running.address, "Guido\n"));
 * ```
 *
 * ```text
 * hello Guido
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.StreamRequestHandler | StreamRequestHandler}
 */
export class StreamRequestHandler<Server extends BaseServer = BaseServer> extends BaseRequestHandler<
  Server,
  Connection
> {
  /**
   * Bytes to read ahead: -1 leaves it to `highWaterMark` of the server. `rfile` shares its buffer with `request.recv`, so that 0, which in
   * Python keeps the two apart, is not needed here and reads ahead as little as possible.
   * @defaultValue -1
   */
  rbufsize = -1;
  /**
   * Bytes of output to collect before they are sent: 0 sends every write, -1 means 8 192. `finish()` flushes. With 0, answers to what came together leave
   * together, on the next tick at the latest.
   * @defaultValue 0
   */
  wbufsize = 0;
  /**
   * Send small writes at once (TCP_NODELAY) instead of waiting for the peer's acknowledgement.
   * @defaultValue false
   */
  disableNagleAlgorithm = false;

  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;

  /** The connection: the same as `request`. */
  get connection(): Connection {
    return this.request;
  }

  /** Reads what the peer sends. */
  get rfile(): StreamReader {
    this.#rfile ??= new StreamReader(this.request.inbound);
    return this.#rfile;
  }

  /** Writes to the peer. */
  get wfile(): StreamWriter {
    const { request } = this;
    this.#wfile ??= new StreamWriter((data) => (request.send(data) ? undefined : request.ready()), this.wbufsize);
    return this.#wfile;
  }

  override setup(): void | Promise<void> {
    for (const name of ["rbufsize", "wbufsize"] as const) {
      const size = this[name];
      if (Number.isInteger(size) && size >= -1) continue;
      throw rangeError(
        ErrorCode.invalidHandler,
        `Cannot run ${this.constructor.name}: ${name} must be an integer >= -1, received ${show(size)}`,
      );
    }
    if (this.rbufsize !== -1) this.request.inbound.highWaterMark = Math.max(this.rbufsize, 1);
    if (this.disableNagleAlgorithm) this.request.setNoDelay(true);
  }

  override finish(): void | Promise<void> {
    return this.#wfile?.close();
  }
}
