import { decodeDatagram, type Codec } from "@socketserver/framing";

import { idInUse, idOfReply, type IdFields, type RequestId } from "../correlation.ts";
import { DatagramLink, type LinkEnds } from "./datagram-link.ts";
import type { ReplyPorts, WaitingRequest } from "./reply-ports.ts";

/** One port for all requests: each reply has the id of its own. */
export class SharedPort<Reply> implements ReplyPorts<Reply> {
  readonly oneWay: DatagramLink;
  readonly #fields: IdFields;
  readonly #codec: Codec<Reply, never>;
  readonly #requests = new Map<RequestId | undefined, WaitingRequest<Reply>>();

  constructor(ends: LinkEnds, codec: Codec<Reply, never>, fields: IdFields) {
    this.#codec = codec;
    this.#fields = fields;
    this.oneWay = new DatagramLink(ends, (packet) => this.#receive(packet));
  }

  add(request: WaitingRequest<Reply>): DatagramLink {
    const { id } = request;
    if (id !== undefined && this.#requests.has(id)) throw idInUse(id);
    this.#requests.set(id, request);
    return this.oneWay;
  }

  remove({ id }: WaitingRequest<Reply>): void {
    this.#requests.delete(id);
  }

  close(): Promise<void> {
    return this.oneWay.close();
  }

  #receive(packet: Buffer): void {
    const reply = decodeDatagram(this.#codec, packet);
    const id = idOfReply(reply, this.#fields);
    const request = id === undefined ? undefined : this.#requests.get(id);
    // What was not sent cannot be answered.
    if (request?.sent === true) request.answer(reply);
  }
}
