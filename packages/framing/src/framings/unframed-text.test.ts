import { describe, expect, test } from "vitest";

import { expectComplaint } from "../../../core/test/support/complaint.ts";
import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { decodeDatagram } from "../datagram-message.ts";
import { unframedText } from "./unframed-text.ts";

const SMILE = Buffer.from("😀");

describe("unframedText()", () => {
  test("gives out text as it comes, and never part of a character", () => {
    const decoder = unframedText().decoder();
    expect(readAll(decoder, "a", "b\n", SMILE.subarray(0, 1), SMILE.subarray(1, 3))).toEqual(["a", "b\n"]);
    expect(decoder.bufferedBytes).toBe(3);
    expect(readAll(decoder, SMILE.subarray(3), "c")).toEqual(["😀", "c"]);
    decoder.end();
    expect(decoder.read()).toBeUndefined();
  });

  test("gives out all that came in one piece, however much it is", () => {
    const text = "€".repeat(50_000);
    expect(readAll(unframedText().decoder(), text)).toEqual([text]);
  });

  test("keeps a byte order mark and a replacement character that were sent", () => {
    expect(readAll(unframedText().decoder(), "\ufeff\ufffd")).toEqual(["\ufeff\ufffd"]);
  });

  test("says what came of a character that is not whole", () => {
    const decoder = unframedText().decoder();
    readAll(decoder, SMILE.subarray(0, 3));
    expect(() => decoder.end()).toThrow(
      expect.objectContaining({ code: "ERR_SOCKETSERVER_INCOMPLETE_READ", partial: SMILE.subarray(0, 3) }) as Error,
    );
  });

  test("stays in error after what is no UTF-8", () => {
    const decoder = unframedText().decoder();
    const error = peerError({ code: "PROTOCOL", message: "Cannot decode message: it is no UTF-8" });
    expect(() => readAll(decoder, Buffer.of(0xc0, 0xaf))).toThrow(error);
    expect(decoder.skip()).toBe(false);
    decoder.push(Buffer.from("a"));
    expect(decoder.bufferedBytes).toBe(0);
    for (const again of [() => decoder.read(), () => decoder.end()]) expect(again).toThrow(error);
    expect(decoder.rest()).toHaveLength(0);
    expect(readAll(decoder, "a")).toEqual(["a"]);
  });

  test("takes a datagram for a message, also an empty one", () => {
    expect(decodeDatagram(unframedText(), SMILE)).toBe("😀");
    expect(decodeDatagram(unframedText(), Buffer.alloc(0))).toBe("");
    expect(() => decodeDatagram(unframedText(), SMILE.subarray(1))).toThrow(
      peerError({ code: "PROTOCOL", message: "Cannot decode message: it is no UTF-8", skippable: true }),
    );
  });

  test("sends text as UTF-8, and nothing else", () => {
    expect(Buffer.from(unframedText().encode("é\n")).toString("hex")).toBe("c3a90a");
    expect(unframedText().encode("")).toHaveLength(0);
    for (const [message, says] of [
      ["\udc00", "half of a surrogate pair"],
      [5, "it must be a string, received 5"],
    ] as const) {
      expectComplaint(() => unframedText().encode(message as string), {
        type: TypeError,
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        says: [says],
      });
    }
  });
});
