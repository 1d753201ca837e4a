import { ErrorCode, show, typeError } from "@socketserver/core";

import { isCodec, type Codec } from "./codec.ts";
import { decodeDatagram, encodeDatagram } from "./datagram-message.ts";

/** Both ends of a protocol; see {@link protocol}. */
export interface Protocol<Request, Reply, SentRequest = Request, SentReply = Reply> {
  /** What the server needs: requests come, replies go. */
  readonly server: Codec<Request, SentReply>;
  /** What the client needs: replies come, requests go. */
  readonly client: Codec<Reply, SentRequest>;
}

/** What may be sent: of a codec that takes anything, what it gives to the other end. */
export type SentAs<In, Out> = unknown extends Out ? In : Out;

/**
 * Says once, for both ends, what the requests and the replies of a protocol are. A protocol in which both look the same needs no more than one codec.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` if one is no codec.
 *
 * @example
 * ```ts run
 * import { Channel } from "@socketserver/client";
 * import { lines, MessageRequestHandler, protocol } from "@socketserver/framing";
 * import { serve } from "@socketserver/testing";
 * import { z } from "zod";
 *
 * const calculator = protocol({
 *   requests: lines().json(z.object({ left: z.number(), right: z.number() })),
 *   replies: lines().json(z.object({ result: z.number() })),
 * });
 *
 * class AddHandler extends MessageRequestHandler(calculator.server) {
 *   override handleMessage({ left, right }: { left: number; right: number }): { result: number } {
 *     return { result: left + right };
 *   }
 * }
 *
 * await using running = await serve(AddHandler);
 * await using channel = await Channel.connect({ host: "127.0.0.1", port: running.port }, calculator.client);
 * const { result } = await channel.request({ left: 1, right: 2 });
 * console.log(result);
 * ```
 *
 * ```text
 * 3
 * ```
 */
export function protocol<Request, RequestOut, Reply, ReplyOut>(messages: {
  readonly requests: Codec<Request, RequestOut>;
  readonly replies: Codec<Reply, ReplyOut>;
}): Protocol<Request, Reply, SentAs<Request, RequestOut>, SentAs<Reply, ReplyOut>> {
  for (const name of ["requests", "replies"] as const) {
    const codec: unknown = (messages as Partial<typeof messages> | undefined)?.[name];
    if (isCodec(codec)) continue;
    throw typeError(
      ErrorCode.invalidArgument,
      `Cannot create protocol: ${name} must be a codec, with encode() and decoder(), received ${show(codec)}`,
    );
  }
  const { requests, replies } = messages;
  return Object.freeze({ server: oneWayEach(requests, replies), client: oneWayEach(replies, requests) }) as never;
}

/** What comes is decoded with the one, what goes is encoded with the other. */
function oneWayEach<In, Out>(coming: Codec<In, never>, going: Codec<unknown, Out>): Codec<In, Out> {
  return Object.freeze({
    encode: (message: Out) => going.encode(message),
    decoder: () => coming.decoder(),
    decodeDatagram: (packet: Buffer) => decodeDatagram(coming, packet),
    encodeDatagram: (message: Out) => encodeDatagram(going, message),
  });
}
