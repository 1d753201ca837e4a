import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { readAll } from "../../test/support/read-all.ts";
import { decodeDatagram } from "../datagram-message.ts";
import { unframedBytes } from "./unframed-bytes.ts";

describe("unframedBytes()", () => {
  test("gives out bytes as they come", () => {
    const decoder = unframedBytes().decoder();
    expect(readAll(decoder, "a", "", Buffer.of(0xff, 0))).toEqual([Buffer.from("a"), Buffer.of(0xff, 0)]);
    decoder.end();
    expect(decoder.read()).toBeUndefined();
  });

  test("takes a datagram for a message, also an empty one", () => {
    for (const packet of [Buffer.of(0xff), Buffer.alloc(0)])
      expect(decodeDatagram(unframedBytes(), packet)).toEqual(packet);
  });

  test("sends a copy of bytes", () => {
    const message = new Uint8Array([1, 2]);
    const sent = unframedBytes().encode(message);
    message.fill(0);
    expect(Buffer.from(sent)).toEqual(Buffer.of(1, 2));
  });

  test.each<[unknown, string]>([
    ["text", '"text"'],
    [5, "5"],
    [[300, "x"], '[300,"x"]'],
    [null, "null"],
    [new Uint16Array([1_000]), "an instance of Uint16Array"],
    [new ArrayBuffer(3), "an instance of ArrayBuffer"],
  ])("does not send %o", (message, shown) => {
    expectComplaint(() => unframedBytes().encode(message as Uint8Array), {
      type: TypeError,
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      says: [`Cannot encode message: it must be a Uint8Array, received ${shown}`],
    });
  });
});
