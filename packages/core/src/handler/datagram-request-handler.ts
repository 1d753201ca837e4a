import type { BaseServer } from "../server/base-server.ts";
import type { DatagramSocket } from "../transport/datagram-socket.ts";
import type { Datagram } from "../transport/datagram.ts";
import { BaseRequestHandler } from "./base-request-handler.ts";
import { StreamReader } from "./stream-reader.ts";
import { StreamWriter } from "./stream-writer.ts";

/**
 * Handles a datagram as two files: `rfile` is the packet, and what is written to `wfile` becomes the reply, one datagram, when `handle()`
 * has returned. Nothing is sent if nothing was written, or if `handle()` threw; Python answers in both cases.
 *
 * A subclass that overrides `setup()` or `finish()` calls `super`'s.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.DatagramRequestHandler | DatagramRequestHandler}
 */
export class DatagramRequestHandler<Server extends BaseServer = BaseServer> extends BaseRequestHandler<
  Server,
  Datagram
> {
  readonly #written: Uint8Array[] = [];
  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;

  /** What came. */
  get packet(): Buffer {
    return this.request.packet;
  }

  /** The server's socket, for sending to others than the client: `socket.sendTo(data, address)`. */
  get socket(): DatagramSocket {
    return this.request.socket;
  }

  /** Reads the packet. */
  get rfile(): StreamReader {
    this.#rfile ??= new StreamReader(this.request.inbound);
    return this.#rfile;
  }

  /** Collects the reply. */
  get wfile(): StreamWriter {
    this.#wfile ??= new StreamWriter(async (data) => {
      this.#written.push(Uint8Array.prototype.slice.call(data));
    }, 0);
    return this.#wfile;
  }

  /** Send what was written, if `handle()` succeeded. */
  override finish(): void | Promise<void> {
    return this.#sendReply();
  }

  async #sendReply(): Promise<void> {
    await this.#wfile?.close();
    if (this.#written.length > 0 && this.request.outcome === undefined)
      await this.request.reply(Buffer.concat(this.#written));
  }
}
