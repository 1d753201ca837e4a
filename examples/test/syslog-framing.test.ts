import type { ProtocolError } from "@socketserver/framing";
import { describe, expect, test } from "vitest";

import { SyslogFraming } from "../syslog-framing.ts";

const framing = new SyslogFraming(100);

/** Give a decoder the chunks, as a connection does; the messages that come out. */
function decode(chunks: readonly (string | Uint8Array)[]): string[] {
  const decoder = framing.decoder();
  const messages: string[] = [];
  const readAll = (): void => {
    for (let message = decoder.read(); message !== undefined; message = decoder.read()) messages.push(String(message));
  };
  for (const chunk of chunks) {
    decoder.push(Buffer.from(chunk));
    readAll();
  }
  decoder.end();
  readAll();
  return messages;
}

/** The error of a decoder that is given this, however it is cut. */
function errorOf(input: string): ProtocolError {
  const errors = [[input], input.split("")].map((chunks) => {
    try {
      decode(chunks);
    } catch (error) {
      return error as ProtocolError;
    }
    throw new Error("There is no error");
  });
  expect(errors[1]).toMatchObject({ code: errors[0]?.code, message: errors[0]?.message });
  return errors[0] as ProtocolError;
}

describe("SyslogFraming", () => {
  test("finds messages of both kinds in one stream, however it is cut", () => {
    const stream = Buffer.from("<1>one\n8 <1>\ntwo\n<1>3 three\n7 <1>grü12 <1>and lines");
    const messages = ["<1>one", "<1>\ntwo\n", "<1>3 three", "<1>grü", "<1>and lines"];
    expect(decode([...stream].map((byte) => Buffer.of(byte)))).toEqual(messages);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(decode([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(messages);
    }
  });

  test("finds what it encodes", () => {
    const messages = ["<1>one", "two\nlines", "x".repeat(100)];
    const encoded = messages.map((message) => framing.encode(Buffer.from(message)));
    expect(encoded[0]?.toString()).toBe("6 <1>one");
    expect(decode(encoded)).toEqual(messages);
  });

  test.each(["hello", "0 ", "01 x", "-1 x", "5x", "\n", " 5 x", "12345678", "1234567x"])(
    "refuses a stream that begins with %j",
    (start) => {
      expect(errorOf(start)).toMatchObject({ code: "ERR_SOCKETSERVER_PROTOCOL", skippable: false });
    },
  );

  test("takes a message of the longest length, and refuses a longer one before it has come", () => {
    const longest = `<${"x".repeat(99)}`;
    expect(decode([`${longest}\n`, `100 ${longest}`])).toEqual([longest, longest]);
    expect(errorOf("101 ")).toMatchObject({ code: "ERR_SOCKETSERVER_TOO_BIG" });
    expect(errorOf(`${longest}x`)).toMatchObject({ code: "ERR_SOCKETSERVER_TOO_BIG" });
  });

  test.each(["<1>one", "6 <1>on", "6 ", "6"])("refuses a stream that ends in the middle of a message: %j", (input) => {
    const error = errorOf(input);
    expect(error.code).toBe("ERR_SOCKETSERVER_INCOMPLETE_READ");
    expect(error.partial.toString()).toBe(input);
  });
});
