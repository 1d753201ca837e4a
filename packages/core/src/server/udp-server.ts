import { resolveInternetAddress, type InternetAddress, type InternetAddressInput } from "../address.ts";
import { ErrorCode, typeError } from "../errors.ts";
import type { HandlerClass } from "../handler/base-request-handler.ts";
import { StreamRequestHandler } from "../handler/stream-request-handler.ts";
import type { ServerOptions } from "../options.ts";
import { DatagramPort } from "../transport/datagram-port.ts";
import type { Datagram } from "../transport/datagram.ts";
import type { RequestSource, SourceOwner } from "../transport/request-source.ts";
import { BaseServer } from "./base-server.ts";

/**
 * Serves UDP datagrams, one at a time. Each datagram is a request, an empty one too.
 *
 * @example
 * ```ts run
 * import { DatagramRequestHandler, UDPServer } from "@socketserver/core";
 * import { serve, talkDatagram } from "@socketserver/testing";
 *
 * class UpperHandler extends DatagramRequestHandler {
 *   override async handle(): Promise<void> {
 *     await this.wfile.write(String(this.packet).toUpperCase());
 *   }
 * }
 *
 * await using running = await serve(UpperHandler, { server: UDPServer });
 * console.log(String(await talkDatagram(running.address, "hello")));
 * ```
 *
 * ```text
 * HELLO
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UDPServer | UDPServer}
 */
export class UDPServer extends BaseServer<Datagram> {
  readonly #address: InternetAddress;

  /**
   * @param address - `host` is `127.0.0.1` unless set, `"::"` serves IPv6 and IPv4; port 0 lets the system choose.
   * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS`, `ERR_SOCKETSERVER_INVALID_HANDLER`, `ERR_SOCKETSERVER_INVALID_OPTION`, with the value
   * and the remedy.
   */
  constructor(address: InternetAddressInput, RequestHandlerClass: HandlerClass<Datagram>, options?: ServerOptions) {
    const resolved = resolveInternetAddress(address);
    super(resolved, RequestHandlerClass, options);
    this.#address = resolved;
    if (
      RequestHandlerClass.prototype instanceof StreamRequestHandler ||
      (RequestHandlerClass as unknown) === StreamRequestHandler
    ) {
      throw typeError(
        ErrorCode.invalidHandler,
        `Cannot create server: ${RequestHandlerClass.name} handles connections; datagrams need a DatagramRequestHandler or a BaseRequestHandler`,
      );
    }
  }

  protected override createSource(owner: SourceOwner<Datagram>): RequestSource<Datagram> {
    return new DatagramPort(this.#address, this.options, owner);
  }
}
