import type { Datagram } from "@socketserver/core";

import { assertCodec, type Codec } from "../codec.ts";
import { decodeDatagram, encodeDatagram } from "../datagram-message.ts";
import { ProtocolError } from "../protocol-error.ts";
import type { MessageExchange } from "./message-exchange.ts";

/** A datagram as one message; each message that is sent is a datagram to its sender. */
export class MessageDatagram<In, Out> implements MessageExchange<In, Out> {
  readonly #datagram: Datagram;
  #codec: Codec<In, Out>;
  #taken = false;

  constructor(datagram: Datagram, codec: Codec<In, Out>) {
    assertCodec(codec);
    this.#datagram = datagram;
    this.#codec = codec;
  }

  take(): In | undefined {
    if (this.#taken) return undefined;
    this.#taken = true;
    const { packet, inbound } = this.#datagram;
    try {
      return decodeDatagram(this.#codec, packet);
    } catch (error) {
      throw error instanceof ProtocolError ? inbound.own(error) : error;
    }
  }

  async receive(): Promise<In | undefined> {
    return this.take();
  }

  pause(): undefined {
    // There is one message.
  }

  post(message: Out): Promise<void> {
    return this.#datagram.reply(encodeDatagram(this.#codec, message));
  }

  skip(): boolean {
    // The datagram was the message: nothing comes after it.
    return true;
  }

  switchTo<NextIn, NextOut>(codec: Codec<NextIn, NextOut>): MessageExchange<NextIn, NextOut> {
    assertCodec(codec);
    const next = this as unknown as MessageDatagram<NextIn, NextOut>;
    next.#codec = codec;
    return next;
  }
}
