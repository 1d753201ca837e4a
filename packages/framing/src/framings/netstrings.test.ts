import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { byteByByte } from "../../test/support/streams.ts";
import { netstrings } from "./netstrings.ts";

describe("netstrings()", () => {
  test("has the examples of the specification", () => {
    const hello = Buffer.from("31323a68656c6c6f20776f726c64212c", "hex");
    expect(Buffer.from(netstrings().encode(Buffer.from("hello world!")))).toEqual(hello);
    expect(readAll(netstrings().text().decoder(), hello)).toEqual(["hello world!"]);
    expect(Buffer.from(netstrings().encode(Buffer.alloc(0))).toString()).toBe("0:,");
    expect(readAll(netstrings().text().decoder(), "0:,")).toEqual([""]);
  });

  test("takes any content", () => {
    expect(readAll(netstrings().text().decoder(), "7:1:a,2:b,0:,3:,,,,")).toEqual(["1:a,2:b", "", ",,,"]);
  });

  test.each([":", ",", "x", "5x", " 5:", "5 :", "+5:", "-5:", "0x5:", "05:hello,", "00:,", "5,", "\0"])(
    "refuses %j, which does not begin with a length",
    (stream) => {
      expect(() => readAll(netstrings().decoder(), stream)).toThrow(
        peerError({
          code: "PROTOCOL",
          message: "Cannot decode message: it does not begin with the length of a netstring",
        }),
      );
    },
  );

  test.each(["5:hello.", "5:hello\n", "0:a", "3:hello,"])(
    "refuses %j, which has no comma where it should end",
    (stream) => {
      expect(() => readAll(netstrings().decoder(), stream)).toThrow(
        peerError({ code: "PROTOCOL", message: "Cannot decode message: its netstring does not end with a comma" }),
      );
    },
  );

  test.each([
    [9, "10"],
    [99, "100"],
    [100, "101:"],
    [65_536, "65537:"],
    [65_536, "999999"],
  ])("refuses more than %i bytes as soon as %j came", (maxLength, stream) => {
    const tooBig = peerError({
      code: "TOO_BIG",
      message: `Cannot decode message: it is longer than ${maxLength} bytes`,
    });
    expect(() => readAll(netstrings({ maxLength }).decoder(), stream)).toThrow(tooBig);
    expect(() => readAll(netstrings({ maxLength }).decoder(), ...byteByByte(Buffer.from(stream)))).toThrow(tooBig);
    expect(readAll(netstrings({ maxLength }).decoder(), stream.slice(0, -1))).toEqual([]);
  });

  test("bounds the digits of a length where there is no bound", () => {
    const decoder = netstrings({ maxLength: Infinity }).decoder();
    expect(() => readAll(decoder, "1".repeat(17))).toThrow(expect.objectContaining({ name: "ProtocolError" }) as Error);
    expect(decoder.bufferedBytes).toBe(0);
  });

  test.each(["5", "5:", "5:hell", "5:hello"])("says what came of %j", (stream) => {
    const decoder = netstrings().decoder();
    readAll(decoder, stream);
    expect(() => decoder.end()).toThrow(
      peerError({
        code: "INCOMPLETE_READ",
        message: `Cannot decode message: the stream ended in the middle of it, after ${stream.length} bytes`,
        partial: stream,
      }),
    );
  });

  test("forgets a length that it has read when it gives back what came", () => {
    const decoder = netstrings().text().decoder();
    expect(readAll(decoder, "5:he")).toEqual([]);
    expect(decoder.rest().toString()).toBe("5:he");
    expect(readAll(decoder, "1:a,")).toEqual(["a"]);
  });

  test.each([
    [{ maxLength: 0 }, RangeError, ["maxLength", "0"]],
    [{ headerBytes: 1 }, TypeError, ["headerBytes", "known are maxLength"]],
  ] as const)("does not take the options %j", (options, type, says) => {
    expectComplaint(() => netstrings(options as never), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["Cannot create codec", ...says],
    });
  });
});
