import { describe, expect, test } from "vitest";

import { peerError } from "../../test/support/peer-error.ts";
import { readAll } from "../../test/support/read-all.ts";
import { wholeStream } from "./whole-stream.ts";

describe("wholeStream()", () => {
  test("has one message, when the stream ends", () => {
    const decoder = wholeStream().text().decoder();
    expect(readAll(decoder, "a", "b\n", "c")).toEqual([]);
    decoder.end();
    expect([decoder.read(), decoder.read()]).toEqual(["ab\nc", undefined]);
  });

  test("has none if nothing came", () => {
    const decoder = wholeStream().decoder();
    decoder.end();
    expect(decoder.read()).toBeUndefined();
  });

  test("sends a message as it is, in bytes that share no memory with it", () => {
    const message = Buffer.from("abc");
    const sent = [wholeStream().encode(message), wholeStream().encodeDatagram(message)];
    message.fill("x");
    expect(sent.map(String)).toEqual(["abc", "abc"]);
  });

  test("refuses what is too long without waiting for the end", () => {
    const decoder = wholeStream({ maxLength: 3 }).decoder();
    expect(readAll(decoder, "abc")).toEqual([]);
    expect(() => readAll(decoder, "d")).toThrow(
      peerError({ code: "TOO_BIG", message: "Cannot decode message: it is longer than 3 bytes" }),
    );
    expect(decoder.bufferedBytes).toBe(0);
  });

  test("gives back what came, after the end, too", () => {
    const decoder = wholeStream().text().decoder();
    readAll(decoder, "abc");
    expect(decoder.rest().toString()).toBe("abc");
    readAll(decoder, "abc");
    decoder.end();
    expect(decoder.bufferedBytes).toBe(3);
    expect(decoder.rest().toString()).toBe("abc");
  });
});
