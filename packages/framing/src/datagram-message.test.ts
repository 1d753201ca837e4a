import { describe, expect, test } from "vitest";

import { peerError } from "../test/support/peer-error.ts";
import type { Codec } from "./codec.ts";
import { decodeDatagram, encodeDatagram } from "./datagram-message.ts";
import { messagePack } from "./formats/message-pack.ts";
import { delimited } from "./framings/delimited.ts";
import { fixedSize } from "./framings/fixed-size.ts";
import { lengthPrefixed } from "./framings/length-prefixed.ts";
import { lines } from "./framings/lines.ts";
import { netstrings } from "./framings/netstrings.ts";
import { nulTerminated } from "./framings/nul-terminated.ts";
import { unframedText } from "./framings/unframed-text.ts";
import { varintPrefixed } from "./framings/varint-prefixed.ts";
import { wholeStream } from "./framings/whole-stream.ts";

/** The codec of an author who never thought of datagrams. */
function streamOnly<In, Out>(codec: Codec<In, Out>): Codec<In, Out> {
  return { encode: (message) => codec.encode(message), decoder: () => codec.decoder() };
}

/** Those that tell where a message ends without the end of the stream. */
const STREAM_CODECS: readonly (readonly [name: string, codec: Codec<string>])[] = [
  ["lines()", lines().text()],
  ["delimited()", delimited("END").text()],
  ["nulTerminated()", nulTerminated().text()],
  ["fixedSize()", fixedSize(3).text()],
  ["lengthPrefixed()", lengthPrefixed().text()],
  ["varintPrefixed()", varintPrefixed().text()],
  ["netstrings()", netstrings().text()],
  ["lengthPrefixed() with MessagePack", lengthPrefixed().with(messagePack()) as Codec<string>],
];

const MANY = "Cannot decode datagram: it must be one message, and is more than one";
const NONE = "Cannot decode datagram: it must be one message, and is none";

describe("decodeDatagram()", () => {
  test("asks the codec, if it knows of datagrams", () => {
    class OwnCodec {
      readonly #mark = "!";
      encode = (): Uint8Array => Buffer.from("framed");
      decoder = (): never => {
        throw new Error("there is no stream here");
      };

      decodeDatagram(packet: Buffer): string {
        return packet.toString() + this.#mark;
      }
    }
    expect(decodeDatagram(new OwnCodec(), Buffer.from("abc"))).toBe("abc!");
    expect(decodeDatagram(lines().text(), Buffer.from("abc"))).toBe("abc");
  });

  test.each(STREAM_CODECS)("takes a datagram for a stream of one message: %s", (_, codec) => {
    const only = streamOnly(codec);
    // Twice, because nothing may be left of the first one.
    for (const message of ["abc", "éa"]) expect(decodeDatagram(only, Buffer.from(only.encode(message)))).toBe(message);
  });

  test.each(STREAM_CODECS)("refuses all that is more than one message: %s", (_, codec) => {
    const only = streamOnly(codec);
    const one = only.encode("abc");
    // Whole ones, one that is cut off, and its very first byte alone.
    for (const more of [one, one.subarray(0, -1), one.subarray(0, 1)]) {
      const decode = (): unknown => decodeDatagram(only, Buffer.concat([one, more]));
      expect(decode).toThrow(peerError({ code: "PROTOCOL", message: MANY }));
    }
  });

  test.each(STREAM_CODECS)("refuses a datagram with nothing in it: %s", (_, codec) => {
    const decode = (): unknown => decodeDatagram(streamOnly(codec), Buffer.alloc(0));
    expect(decode).toThrow(peerError({ code: "PROTOCOL", message: NONE }));
  });

  test.each<[string, Codec<string>, string]>([
    ["lines()", lines().text(), "one\n\n"],
    ["nulTerminated()", nulTerminated().text(), "one\0\0"],
    ["netstrings()", netstrings().text(), "3:one,0:,"],
    ["lengthPrefixed()", lengthPrefixed({ lengthBytes: 1 }).text(), "\x03one\0"],
  ])("sees a second message that is empty: %s", (_, codec, packet) => {
    const decode = (): unknown => decodeDatagram(streamOnly(codec), Buffer.from(packet));
    expect(decode).toThrow(peerError({ code: "PROTOCOL", message: MANY }));
  });

  test.each<[string, Codec<string>, string]>([
    ["lines() whose last need not end", lines({ unterminated: "message" }).text(), "abc"],
    ["wholeStream()", wholeStream().text(), "abc"],
  ])("lets the end of the datagram complete a message: %s", (_, codec, packet) => {
    expect(decodeDatagram(streamOnly(codec), Buffer.from(packet))).toBe("abc");
  });

  test("tells what came of a message that the datagram cuts off", () => {
    const cut = streamOnly(netstrings().text());
    const message = "Cannot decode message: the stream ended in the middle of it, after 4 bytes";
    expect(() => decodeDatagram(cut, Buffer.from("3:ab"))).toThrow(
      peerError({ code: "INCOMPLETE_READ", message, partial: "3:ab" }),
    );
    expect(() => decodeDatagram(streamOnly(unframedText()), Buffer.from([0xc3]))).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_INCOMPLETE_READ", partial: Buffer.from([0xc3]) }) as Error,
    );
  });

  test("passes on what the decoder says of a datagram that is no message, or too long", () => {
    const only = streamOnly(lines({ maxLength: 5 }).json());
    expect(() => decodeDatagram(only, Buffer.from("{\n"))).toThrow(
      expect.objectContaining({ name: "ProtocolError", code: "ERR_SOCKETSERVER_PROTOCOL" }) as Error,
    );
    expect(() => decodeDatagram(only, Buffer.from("123456\n"))).toThrow(
      expect.objectContaining({ name: "ProtocolError", code: "ERR_SOCKETSERVER_TOO_BIG" }) as Error,
    );
  });
});

describe("encodeDatagram()", () => {
  test("asks the codec, if it knows of datagrams", () => {
    expect(Buffer.from(encodeDatagram(lines().text(), "abc")).toString()).toBe("abc");
  });

  test("frames the message for a codec that does not", () => {
    expect(Buffer.from(encodeDatagram(streamOnly(lines().text()), "abc")).toString()).toBe("abc\n");
  });

  test.each([
    ["with datagrams", lines().text()],
    ["without", streamOnly(lines().text())],
  ])("passes on what the codec says of a message that it cannot tell: %s", (_, codec) => {
    expect(() => encodeDatagram(codec, 5 as never)).toThrow(
      expect.objectContaining({ name: "TypeError", code: "ERR_SOCKETSERVER_INVALID_MESSAGE" }) as Error,
    );
  });
});
