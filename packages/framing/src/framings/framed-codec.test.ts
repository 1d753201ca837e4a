import { describe, expect, test } from "vitest";

import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import type { Format, TextFormat } from "../format.ts";
import { ProtocolError } from "../protocol-error.ts";
import { lengthPrefixed } from "./length-prefixed.ts";
import { lines } from "./lines.ts";

/** A number in decimal digits. Everything else ends the conversation: its errors cannot be passed over. */
const DIGITS: TextFormat<number> = {
  encode: (message) => Buffer.from(DIGITS.encodeText(message)),
  encodeText: String,
  decode: (bytes) => DIGITS.decodeText(bytes.toString()),
  decodeText(digits) {
    if (digits === "bug") throw new TypeError("a mistake in the format");
    if (/^\d+$/.test(digits)) return Number(digits);
    throw new ProtocolError("ERR_SOCKETSERVER_PROTOCOL", "Cannot decode message: it is no number");
  },
};

/** The same, of which the framing does not know that it is text. */
const OPAQUE_DIGITS: Format<number> = {
  encode: (message) => DIGITS.encode(message),
  decode: (bytes) => DIGITS.decode(bytes),
};

describe("Framing.with()", () => {
  test.each([
    ["text", DIGITS],
    ["bytes", OPAQUE_DIGITS],
  ])("takes a format of somebody else, of %s", (_, format) => {
    const codec = lines().with(format);
    expect(readAll(codec.decoder(), codec.encode(5), "07\n")).toEqual([5, 7]);
    expect(codec.decodeDatagram?.(Buffer.from("5\n"))).toBe(5);
    expect(Buffer.from(codec.encodeDatagram?.(5) ?? []).toString()).toBe("5");
  });

  test.each([
    ["text", DIGITS],
    ["bytes", OPAQUE_DIGITS],
  ])("does not pass over what a format of %s says is the end", (_, format) => {
    const decoder = lines().with(format).decoder();
    decoder.push(Buffer.from("1\nx\n2\n"));
    expect(decoder.read()).toBe(1);
    const error = peerError({ code: "PROTOCOL", message: "Cannot decode message: it is no number" });
    expect(() => decoder.read()).toThrow(error);
    expect(decoder.skip()).toBe(false);
    expect(() => decoder.read()).toThrow(error);
  });

  test.each([
    ["text", DIGITS],
    ["bytes", OPAQUE_DIGITS],
  ])("stays in an error of a format of %s that is no ProtocolError, and can pass it over", (_, format) => {
    const decoder = lines().with(format).decoder();
    decoder.push(Buffer.from("bug\n2\n"));
    for (const again of [() => decoder.read(), () => decoder.read(), () => decoder.end()]) {
      expect(again).toThrow(new TypeError("a mistake in the format"));
    }
    expect(decoder.skip()).toBe(true);
    expect(decoder.read()).toBe(2);
  });

  test("keeps the content that is no message for as long as nobody passes it over", () => {
    const decoder = lengthPrefixed({ lengthBytes: 1 }).json().decoder();
    decoder.push(Buffer.from("\x01x\x015\x01"));
    const error = peerError({ code: "PROTOCOL", message: "Cannot decode message: it is no JSON", skippable: true });
    for (const again of [() => decoder.read(), () => decoder.read(), () => decoder.end()]) expect(again).toThrow(error);
    decoder.push(Buffer.from("6"));
    expect(decoder.bufferedBytes).toBe(3);
    expect([decoder.skip(), decoder.skip()]).toEqual([true, false]);
    expect(decoder.read()).toBe(5);
    expect(() => decoder.end()).toThrow("after 1 bytes");
    expect(decoder.skip()).toBe(false);
  });

  test("gives back what follows content that is no message", () => {
    const decoder = lengthPrefixed({ lengthBytes: 1 }).json().decoder();
    decoder.push(Buffer.from("\x01x\x015"));
    expect(() => decoder.read()).toThrow("it is no JSON");
    expect(decoder.rest().toString()).toBe("\x015");
    expect(readAll(decoder, "\x017")).toEqual([7]);
  });
});
