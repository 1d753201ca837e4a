import { ErrorCode, type Datagram } from "@socketserver/core";

import { assertCodec, type Codec } from "../codec.ts";
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
    const codec = this.#codec;
    const { packet, inbound } = this.#datagram;
    try {
      return codec.decodeDatagram === undefined ? onlyMessage(codec, packet) : codec.decodeDatagram(packet);
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
    const codec = this.#codec;
    return this.#datagram.reply(codec.encodeDatagram?.(message) ?? codec.encode(message));
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

/** For codecs that know nothing of datagrams: a stream of which this is all. */
function onlyMessage<In>(codec: Codec<In, never>, packet: Buffer): In {
  const decoder = codec.decoder();
  decoder.push(packet);
  let message = decoder.read();
  if (message === undefined) {
    decoder.end();
    message = decoder.read();
  }
  if (message === undefined || decoder.bufferedBytes > 0) {
    const found = message === undefined ? "none" : "more than one";
    throw new ProtocolError(ErrorCode.protocol, `Cannot decode datagram: it must be one message, and is ${found}`);
  }
  return message;
}
