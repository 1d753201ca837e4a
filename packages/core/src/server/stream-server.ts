import type { Address } from "../address.ts";
import { ErrorCode, typeError } from "../errors.ts";
import type { HandlerClass } from "../handler/base-request-handler.ts";
import { DatagramRequestHandler } from "../handler/datagram-request-handler.ts";
import type { ServerOptions } from "../options.ts";
import type { Connection } from "../transport/connection.ts";
import type { RequestSource, SourceOwner } from "../transport/request-source.ts";
import { StreamListener } from "../transport/stream-listener.ts";
import { BaseServer } from "./base-server.ts";

/** What `TCPServer` and `UnixStreamServer` share: they accept connections. */
export abstract class StreamServer extends BaseServer<Connection> {
  constructor(address: Address, RequestHandlerClass: HandlerClass, options?: ServerOptions) {
    super(address, RequestHandlerClass, options);
    if (
      RequestHandlerClass.prototype instanceof DatagramRequestHandler ||
      (RequestHandlerClass as unknown) === DatagramRequestHandler
    ) {
      throw typeError(
        ErrorCode.invalidHandler,
        `Cannot create server: ${RequestHandlerClass.name} handles datagrams; connections need a StreamRequestHandler or a BaseRequestHandler`,
      );
    }
  }

  protected override createSource(owner: SourceOwner<Connection>): RequestSource<Connection> {
    return new StreamListener(this.serverAddress, this.options, owner);
  }
}
