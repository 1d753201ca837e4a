import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { varintPrefixed } from "./varint-prefixed.ts";

const NO_VARINT = peerError({ code: "PROTOCOL", message: "Cannot decode message: its length is no varint of 32 bits" });

describe("varintPrefixed()", () => {
  test.each([
    [0, "00"],
    [1, "01"],
    [127, "7f"],
    [128, "8001"],
    // The example of the protobuf documentation.
    [150, "9601"],
    [300, "ac02"],
    [16_383, "ff7f"],
    [16_384, "808001"],
    [65_536, "808004"],
  ])("tells %i bytes as %s", (size, prefix) => {
    const message = Buffer.alloc(size, "x");
    const frame = Buffer.concat([Buffer.from(prefix, "hex"), message]);
    expect(varintPrefixed().encode(message)).toEqual(frame);
    expect(readAll(varintPrefixed().decoder(), frame)).toEqual([message]);
  });

  test("reads packets of MQTT, with their first byte", () => {
    // CONNECT with an empty client identifier, PUBLISH of "hi" to "a", PINGREQ.
    const packets = ["100c00044d5154540402003c0000", "30050001616869", "c000"].map((digits) =>
      Buffer.from(digits, "hex"),
    );
    const codec = varintPrefixed({ headerBytes: 1 });
    const messages = readAll(codec.decoder(), Buffer.concat(packets));
    expect(messages.map((message) => message.toString("hex"))).toEqual([
      "1000044d5154540402003c0000",
      "300001616869",
      "c0",
    ]);
    expect(messages.map((message) => codec.encode(message))).toEqual(packets);
  });

  test("reads a length that is told in more bytes than it needs", () => {
    expect(readAll(varintPrefixed().text().decoder(), Buffer.from("81800061", "hex"))).toEqual(["a"]);
    expect(readAll(varintPrefixed().text().decoder(), Buffer.from("818080800061", "hex"))).toEqual(["a"]);
  });

  test("refuses a length of more than 32 bits or 5 bytes", () => {
    const codec = varintPrefixed({ maxLength: Infinity });
    for (const prefix of ["ffffffff10", "ffffffff7f", "ffffffffff", "8080808080"]) {
      expect(() => readAll(codec.decoder(), Buffer.from(prefix, "hex"))).toThrow(NO_VARINT);
    }
    expect(readAll(codec.decoder(), Buffer.from("ffffffff0f", "hex"))).toEqual([]);
  });

  test("refuses a length beyond the bound before anything of the message came", () => {
    const decoder = varintPrefixed({ maxLength: 300 }).decoder();
    expect(() => readAll(decoder, Buffer.from("ad02", "hex"))).toThrow(
      peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 300 bytes" }),
    );
  });

  test("counts header bytes towards the bound, and not in the length", () => {
    const codec = varintPrefixed({ headerBytes: 2, maxLength: 4 });
    expect(readAll(codec.decoder(), Buffer.from("cafe026869", "hex"))).toEqual([Buffer.from("cafe6869", "hex")]);
    expect(() => readAll(codec.decoder(), Buffer.from("cafe03", "hex"))).toThrow("it is longer than 4 bytes");
  });

  test("refuses to send a message without its header", () => {
    expectComplaint(() => varintPrefixed({ headerBytes: 2 }).encode(Buffer.of(1)), {
      type: RangeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: ["it must have from 2 to 4294967297 bytes, and has 1"],
    });
  });

  test.each(["80", "05", "0561"])("says what came of %s", (digits) => {
    const bytes = Buffer.from(digits, "hex");
    const decoder = varintPrefixed().decoder();
    readAll(decoder, bytes);
    expect(() => decoder.end()).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_INCOMPLETE_READ", partial: bytes }) as Error,
    );
  });

  test("forgets a length that it has read when it gives back what came", () => {
    const decoder = varintPrefixed().text().decoder();
    expect(readAll(decoder, Buffer.of(9, 0x61))).toEqual([]);
    expect(decoder.rest()).toEqual(Buffer.of(9, 0x61));
    expect(readAll(decoder, Buffer.of(1, 0x62))).toEqual(["b"]);
  });

  test.each([
    [{ headerBytes: -1 }, RangeError, ["headerBytes", "-1", "from 0 to 65535"]],
    [{ headerBytes: 65_536 }, RangeError, ["headerBytes", "65536"]],
    [{ headerBytes: true }, TypeError, ["headerBytes", "true"]],
    [{ maxLength: 0.5 }, RangeError, ["maxLength", "0.5"]],
    [{ lengthBytes: 1 }, TypeError, ["lengthBytes", "headerBytes, maxLength"]],
  ] as const)("does not take the options %j", (options, type, says) => {
    expectComplaint(() => varintPrefixed(options as never), {
      type,
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
      says: ["Cannot create codec", ...says],
    });
  });
});
