import { resolveInternetAddress, type InternetAddressInput } from "../address.ts";
import type { HandlerClass } from "../handler/base-request-handler.ts";
import type { ServerOptions } from "../options.ts";
import { StreamServer } from "./stream-server.ts";

/**
 * Serves TCP connections, one at a time. Compose a mixin to serve more of them at once.
 *
 * @example
 * ```ts run
 * import { BaseRequestHandler, TCPServer } from "@socketserver/core";
 * import { talk } from "@socketserver/testing";
 *
 * class UpperHandler extends BaseRequestHandler {
 *   override async handle(): Promise<void> {
 *     await this.request.sendAll(String(await this.request.recv()).toUpperCase());
 *   }
 * }
 *
 * await using server = new TCPServer({ host: "127.0.0.1", port: 0 }, UpperHandler);
 * const address = await server.listen();
 * const serving = server.serveForever();
 * console.log(String(await talk(address, "hello")));
 * await server.shutdown();
 * await serving;
 * ```
 *
 * ```text
 * HELLO
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.TCPServer | TCPServer}
 */
export class TCPServer extends StreamServer {
  /**
   * @param address - `host` is `127.0.0.1` unless set, `"::"` serves IPv6 and IPv4; port 0 lets the system choose.
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS`, `ERR_SOCKETSERVER_INVALID_HANDLER`, `ERR_SOCKETSERVER_INVALID_OPTION`, with the value
   * and the remedy.
   */
  constructor(address: InternetAddressInput, RequestHandlerClass: HandlerClass, options?: ServerOptions) {
    super(resolveInternetAddress(address), RequestHandlerClass, options);
  }
}
