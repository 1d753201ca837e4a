import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { fixedSize } from "./fixed-size.ts";

describe("fixedSize()", () => {
  test("takes a stream apart into messages of one size", () => {
    expect(readAll(fixedSize(3).text().decoder(), "abcde", "fg", "hi")).toEqual(["abc", "def", "ghi"]);
  });

  test("sends a message as it is, in bytes that share no memory with it", () => {
    const message = Buffer.from("abc");
    const sent = [fixedSize(3).encode(message), fixedSize(3).encodeDatagram(message)];
    message.fill("x");
    expect(sent.map(String)).toEqual(["abc", "abc"]);
  });

  test.each(["", "ab", "abcd"])("refuses to send %j where messages have 3 bytes", (message) => {
    expectComplaint(() => fixedSize(3).text().encode(message), {
      type: RangeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: [`Cannot encode message: it must have 3 bytes, and has ${message.length}`],
    });
  });

  test.each(["", "ab", "abcd"])("refuses the datagram %j where messages have 3 bytes", (packet) => {
    const message = `Cannot decode datagram: it has ${packet.length} bytes and not 3`;
    expect(() => fixedSize(3).decodeDatagram(Buffer.from(packet))).toThrow(peerError({ code: "PROTOCOL", message }));
  });

  test("says what came of a message that is not whole", () => {
    const decoder = fixedSize(3).decoder();
    readAll(decoder, "abcd");
    expect(() => decoder.end()).toThrow(
      peerError({
        code: "INCOMPLETE_READ",
        message: "Cannot decode message: the stream ended in the middle of it, after 1 bytes",
        partial: "d",
      }),
    );
  });

  test.each([
    [0, RangeError],
    [-1, RangeError],
    [2.5, RangeError],
    [Infinity, RangeError],
    ["3", TypeError],
    [undefined, TypeError],
    [{ size: 3 }, TypeError],
  ] as const)("does not take the size %j", (size, type) => {
    expectComplaint(() => fixedSize(size as number), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: [
        "Cannot create codec: size must be an integer >= 1",
        typeof size === "object" ? '{"size":3}' : String(size),
      ],
    });
  });
});
