// Handlers.
export {
  BaseMessageHandler,
  MessageRequestHandler,
  type MessageRequestHandlerClass,
  type Messages,
  type Reply,
} from "./handler/message-request-handler.ts";
export { MessageStream } from "./handler/message-stream.ts";
export type { MessageExchange } from "./handler/message-exchange.ts";

// Both ends of a protocol.
export { protocol, type Protocol, type SentAs } from "./protocol.ts";

// Framings.
export { delimited, type DelimitedOptions } from "./framings/delimited.ts";
export { fixedSize } from "./framings/fixed-size.ts";
export type { FramingOptions } from "./framings/framing-options.ts";
export { lengthPrefixed, type LengthPrefixedOptions } from "./framings/length-prefixed.ts";
export { lines, type LinesOptions } from "./framings/lines.ts";
export { netstrings } from "./framings/netstrings.ts";
export { nulTerminated } from "./framings/nul-terminated.ts";
export { unframedBytes } from "./framings/unframed-bytes.ts";
export { unframedText } from "./framings/unframed-text.ts";
export { varintPrefixed, type VarintPrefixedOptions } from "./framings/varint-prefixed.ts";
export { wholeStream } from "./framings/whole-stream.ts";

// Formats.
export { json, type JsonValue } from "./formats/json.ts";
export { text, type TextOptions } from "./formats/text.ts";

// Errors.
export { ProtocolError, type ProtocolErrorDetails, type SchemaIssue } from "./protocol-error.ts";

// For authors of codecs and clients.
export { decodeDatagram, encodeDatagram } from "./datagram-message.ts";
export { assertCodec, type Codec, type Decoder, type MessageOf, type ReplyOf } from "./codec.ts";
export type { Format, TextFormat } from "./format.ts";
export { FrameDecoder } from "./framings/frame-decoder.ts";
export { Framing } from "./framings/framing.ts";
