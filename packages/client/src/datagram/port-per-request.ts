import { decodeDatagram, type Codec } from "@socketserver/framing";

import { DatagramLink, type LinkEnds } from "./datagram-link.ts";
import type { ReplyPorts, WaitingRequest } from "./reply-ports.ts";

/**
 * A port for each request, closed when it is over: what comes too late comes to nobody, and who would answer in the server's place has to guess the port.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc5452#section-9.2 | RFC 5452, section 9.2}
 */
export class PortPerRequest<Reply> implements ReplyPorts<Reply> {
  readonly oneWay: DatagramLink;
  readonly #ends: LinkEnds;
  readonly #codec: Codec<Reply, never>;
  readonly #links = new Map<WaitingRequest<Reply>, DatagramLink>();

  constructor(ends: LinkEnds, codec: Codec<Reply, never>) {
    this.#ends = ends;
    this.#codec = codec;
    this.oneWay = new DatagramLink(ends, () => {
      // Nobody asked.
    });
  }

  add(request: WaitingRequest<Reply>): DatagramLink {
    const link = new DatagramLink(this.#ends, (packet) => request.answer(decodeDatagram(this.#codec, packet)));
    this.#links.set(request, link);
    return link;
  }

  remove(request: WaitingRequest<Reply>): void {
    void this.#links.get(request)?.close();
    this.#links.delete(request);
  }

  async close(): Promise<void> {
    await Promise.all([this.oneWay, ...this.#links.values()].map((link) => link.close()));
  }
}
