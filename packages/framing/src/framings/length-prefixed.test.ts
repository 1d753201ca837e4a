import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { lengthPrefixed, type LengthPrefixedOptions } from "./length-prefixed.ts";

const HELLO = Buffer.from("HELLO, WORLD");

const hex = (digits: string): Buffer => Buffer.concat([Buffer.from(digits.replaceAll(" ", ""), "hex"), HELLO]);

describe("lengthPrefixed()", () => {
  test.each<[LengthPrefixedOptions, string]>([
    [{}, "0000000c"],
    [{ lengthBytes: 1 }, "0c"],
    [{ lengthBytes: 2 }, "000c"],
    [{ lengthBytes: 3 }, "00000c"],
    [{ lengthBytes: 2, byteOrder: "little" }, "0c00"],
    [{ lengthBytes: 3, byteOrder: "little" }, "0c0000"],
    [{ byteOrder: "little" }, "0c000000"],
    [{ lengthAdjustment: -4 }, "00000010"],
    [{ lengthBytes: 1, lengthOffset: 2 }, "00000c"],
    // What is skipped of the content is sent as zeros, and counted.
    [{ lengthBytes: 1, skipBytes: 3 }, "0e0000"],
  ])("with %j sends %s before 12 bytes, and takes it off", (options, prefix) => {
    const codec = lengthPrefixed(options);
    expect(codec.encode(HELLO)).toEqual(hex(prefix));
    expect(readAll(codec.decoder(), hex(prefix))).toEqual([HELLO]);
  });

  // Every example of the documentation of Netty's class, under its own title.
  test.each<[string, LengthPrefixedOptions, string, string]>([
    ["2 bytes length field at offset 0, do not strip header", { lengthBytes: 2, skipBytes: 0 }, "000c", "000c"],
    ["2 bytes length field at offset 0, strip header", { lengthBytes: 2, skipBytes: 2 }, "000c", ""],
    [
      "2 bytes length field at offset 0, the length field represents the length of the whole message",
      { lengthBytes: 2, lengthAdjustment: -2, skipBytes: 0 },
      "000e",
      "000e",
    ],
    [
      "3 bytes length field at the end of 5 bytes header, do not strip header",
      { lengthOffset: 2, lengthBytes: 3, skipBytes: 0 },
      "cafe 00000c",
      "cafe 00000c",
    ],
    [
      "3 bytes length field at the beginning of 5 bytes header, do not strip header",
      { lengthBytes: 3, lengthAdjustment: 2, skipBytes: 0 },
      "00000c cafe",
      "00000c cafe",
    ],
    [
      "2 bytes length field at offset 1 in the middle of 4 bytes header, strip the first header field and the length field",
      { lengthOffset: 1, lengthBytes: 2, lengthAdjustment: 1, skipBytes: 3 },
      "ca 000c fe",
      "fe",
    ],
    [
      "the same, the length field represents the length of the whole message",
      { lengthOffset: 1, lengthBytes: 2, lengthAdjustment: -3, skipBytes: 3 },
      "ca 0010 fe",
      "fe",
    ],
  ])("knows Netty's example: %s", (_, options, before, after) => {
    const codec = lengthPrefixed(options);
    const frame = hex(before);
    for (const chunks of [[frame], [...frame].map((byte) => Buffer.of(byte))]) {
      expect(readAll(codec.decoder(), ...chunks, ...chunks)).toEqual([hex(after), hex(after)]);
    }
    // What was skipped is not known any more, but for the length.
    const sent = Buffer.from(codec.encode(hex(after)));
    expect(sent).toEqual(options.skipBytes === 3 ? Buffer.concat([Buffer.of(0), frame.subarray(1)]) : frame);
  });

  test("writes a length anew that is part of the message", () => {
    const codec = lengthPrefixed({ lengthBytes: 2, lengthOffset: 1, skipBytes: 0 });
    const message = hex("ca ffff");
    expect(codec.encode(message)).toEqual(hex("ca 000c"));
    // The caller's bytes stay as they are.
    expect(message).toEqual(hex("ca ffff"));
  });

  test("takes empty messages", () => {
    expect(readAll(lengthPrefixed({ lengthBytes: 1 }).text().decoder(), Buffer.of(0, 1, 0x61, 0))).toEqual([
      "",
      "a",
      "",
    ]);
  });

  test("takes the largest length of each size of prefix", () => {
    for (const [lengthBytes, largest] of [
      [1, 0xff],
      [2, 0xffff],
    ] as const) {
      const codec = lengthPrefixed({ lengthBytes, maxLength: Infinity });
      const message = Buffer.alloc(largest, "x");
      expect(readAll(codec.decoder(), codec.encode(message))).toEqual([message]);
      expectComplaint(() => codec.encode(Buffer.alloc(largest + 1)), {
        type: RangeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: [
          `with ${largest + 1} bytes its length would be ${largest + 1}, which ${lengthBytes} bytes of prefix cannot tell`,
        ],
      });
    }
  });

  test("refuses to send what is shorter than the header that it has in it", () => {
    expectComplaint(() => lengthPrefixed({ lengthBytes: 2, skipBytes: 0 }).encode(Buffer.of(1)), {
      type: RangeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: ["with 1 bytes its length would be -1"],
    });
    expectComplaint(() => lengthPrefixed({ lengthBytes: 2, lengthAdjustment: 3 }).encode(Buffer.of(1)), {
      type: RangeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: ["its length would be -2"],
    });
  });

  test.each<[LengthPrefixedOptions, string]>([
    [{ lengthBytes: 2, lengthAdjustment: -2 }, "0001"],
    [{ lengthBytes: 2, lengthAdjustment: -2 }, "0000"],
    [{ lengthBytes: 2, skipBytes: 4 }, "0001"],
  ])("with %j refuses the prefix %s", (options, prefix) => {
    const decoder = lengthPrefixed(options).decoder();
    expect(() => readAll(decoder, Buffer.from(prefix, "hex"))).toThrow(
      peerError({
        code: "PROTOCOL",
        message: "Cannot decode message: its length is less than that of its own header",
      }),
    );
    expect(decoder.skip()).toBe(false);
  });

  test("refuses a length beyond the bound before anything of the message came", () => {
    const decoder = lengthPrefixed().decoder();
    expect(() => readAll(decoder, Buffer.from("ffffffff", "hex"))).toThrow(
      peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 65536 bytes" }),
    );
    expect(decoder.bufferedBytes).toBe(0);
  });

  test("does not count what is skipped towards the bound", () => {
    const codec = lengthPrefixed({ lengthBytes: 1, lengthOffset: 5, skipBytes: 7, maxLength: 2 });
    expect(readAll(codec.decoder(), codec.encode(Buffer.from("ab"))).map(String)).toEqual(["ab"]);
    // Three bytes of content, of which the first is skipped; and four.
    expect(readAll(codec.decoder(), Buffer.from([1, 2, 3, 4, 5, 3, 0, 0x61, 0x62])).map(String)).toEqual(["ab"]);
    expect(() => readAll(codec.decoder(), Buffer.from([1, 2, 3, 4, 5, 4]))).toThrow("it is longer than 2 bytes");
  });

  test("forgets a length that it has read when it gives back what came", () => {
    const decoder = lengthPrefixed({ lengthBytes: 1 }).text().decoder();
    expect(readAll(decoder, Buffer.of(9, 0x61))).toEqual([]);
    expect(decoder.rest()).toEqual(Buffer.of(9, 0x61));
    expect(readAll(decoder, Buffer.of(1, 0x62))).toEqual(["b"]);
  });

  test("sends a message in bytes that share no memory with it", () => {
    const message = Buffer.from(HELLO);
    const sent = [lengthPrefixed().encode(message).subarray(4), lengthPrefixed().encodeDatagram(message)];
    message.fill("x");
    expect(sent).toEqual([HELLO, HELLO]);
  });

  test("sends a datagram without a prefix", () => {
    expect(lengthPrefixed().encodeDatagram(HELLO)).toEqual(HELLO);
    expect(lengthPrefixed().decodeDatagram(HELLO)).toBe(HELLO);
    expect(() => lengthPrefixed({ maxLength: 11 }).decodeDatagram(HELLO)).toThrow(
      peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 11 bytes" }),
    );
  });

  test.each([
    [{ lengthBytes: 5 }, RangeError, ["lengthBytes", "5", "one of 1, 2, 3, 4"]],
    [{ lengthBytes: "4" }, RangeError, ["lengthBytes", '"4"']],
    [{ byteOrder: "network" }, RangeError, ["byteOrder", '"network"', '"big", "little"']],
    [{ lengthOffset: -1 }, RangeError, ["lengthOffset", "-1", "from 0 to 65535"]],
    [{ lengthOffset: 65_536 }, RangeError, ["lengthOffset", "65536"]],
    [{ lengthAdjustment: -65_536 }, RangeError, ["lengthAdjustment", "-65536", "from -65535 to 65535"]],
    [{ lengthAdjustment: "2" }, TypeError, ["lengthAdjustment", '"2"']],
    [{ skipBytes: -1 }, RangeError, ["skipBytes", "-1", "from 0 to 65535"]],
    [{ maxLength: 0 }, RangeError, ["maxLength", "0"]],
    [{ lengthFieldOffset: 1 }, TypeError, ["lengthFieldOffset", "byteOrder, lengthAdjustment, lengthBytes"]],
  ] as const)("does not take the options %j", (options, type, says) => {
    expectComplaint(() => lengthPrefixed(options as LengthPrefixedOptions), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["Cannot create codec", ...says],
    });
  });
});
