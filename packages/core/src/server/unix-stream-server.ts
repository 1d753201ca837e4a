import { resolveUnixAddress, type UnixAddress } from "../address.ts";
import type { HandlerClass } from "../handler/base-request-handler.ts";
import type { ServerOptions } from "../options.ts";
import { StreamServer } from "./stream-server.ts";

/**
 * Serves connections to a Unix socket, one at a time.
 *
 * The socket file is made by `listen()`, which replaces one that nobody listens to any more, and is removed by `close()` if it is still ours.
 *
 * @example
 * ```ts run
 * import { StreamRequestHandler, UnixStreamServer } from "@socketserver/core";
 * import { serve, talk } from "@socketserver/testing";
 *
 * class EchoHandler extends StreamRequestHandler {
 *   override async handle(): Promise<void> {
 *     for await (const line of this.rfile) await this.wfile.write(line);
 *   }
 * }
 *
 * await using running = await serve(EchoHandler, { server: UnixStreamServer, address: { path: "./echo.sock" } });
 * process.stdout.write(await talk(running.address, "hello\n"));
 * ```
 *
 * ```text
 * hello
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UnixStreamServer | UnixStreamServer}
 */
export class UnixStreamServer extends StreamServer {
  /**
   * @param address - A path in the file system, at most 107 bytes on Linux, or an abstract name that begins with `"\0"`.
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS`, `ERR_SOCKETSERVER_INVALID_HANDLER`, `ERR_SOCKETSERVER_INVALID_OPTION`, with the value
   * and the remedy.
   */
  constructor(address: UnixAddress, RequestHandlerClass: HandlerClass, options?: ServerOptions) {
    super(resolveUnixAddress(address), RequestHandlerClass, options);
  }
}
