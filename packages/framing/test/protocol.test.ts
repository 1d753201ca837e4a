import { AsyncUDPServer, ErrorCode } from "@socketserver/core";
import {
  MessageRequestHandler,
  json,
  lengthPrefixed,
  lines,
  netstrings,
  protocol,
  type Codec,
  type JsonValue,
  type MessageOf,
  type Protocol,
  type ReplyOf,
  type SentAs,
} from "@socketserver/framing";
import { messagePack } from "@socketserver/framing/message-pack";
import { leakCheck, runHandler, serve, talkDatagram } from "@socketserver/testing";
import { beforeEach, describe, expect, expectTypeOf, test } from "vitest";

import { expectComplaint } from "../../core/test/support/complaint.ts";
import { NO_CODECS } from "./support/no-codecs.ts";
import { readAll } from "./support/read-all.ts";
import { schemaOf } from "./support/schema-of.ts";

beforeEach(() => leakCheck());

interface Sum {
  readonly left: number;
  readonly right: number;
}

const SUM = schemaOf<Sum>((value) => {
  const { left, right } = value as Sum;
  if (typeof left === "number" && typeof right === "number") return { value: { left, right } };
  return { issues: [{ message: "two numbers are needed" }] };
});

/** Sums come as lines of JSON; what they come to goes as netstrings of text. */
const CALCULATOR = protocol({ requests: lines().json(SUM), replies: netstrings().text() });

class AddHandler extends MessageRequestHandler(CALCULATOR.server) {
  override handleMessage({ left, right }: Sum): string {
    return String(left + right);
  }
}

/** A codec that knows of streams alone, and needs its `this`. */
class StreamOnlyCodec implements Codec<string> {
  readonly #codec = lines().text();
  encode(message: string): Uint8Array {
    return this.#codec.encode(message);
  }

  decoder(): ReturnType<Codec<string>["decoder"]> {
    return this.#codec.decoder();
  }
}

/** What a codec makes of bytes that are a datagram. */
function datagram<In>(codec: Codec<In, never>, bytes: string): In | undefined {
  return codec.decodeDatagram?.(Buffer.from(bytes));
}

describe("protocol()", () => {
  test("gives the server what decodes requests and encodes replies, and the client the opposite", () => {
    const { server, client } = CALCULATOR;
    expect(Buffer.from(client.encode({ left: 1, right: 2 })).toString()).toBe('{"left":1,"right":2}\n');
    expect(Buffer.from(server.encode("3")).toString()).toBe("1:3,");
    expect(readAll(server.decoder(), '{"left":1,', '"right":2}\n')).toEqual([{ left: 1, right: 2 }]);
    expect(readAll(client.decoder(), "1:3,2:1", "0,")).toEqual(["3", "10"]);
  });

  test("makes a new decoder for each stream", () => {
    const [one, other] = [CALCULATOR.client.decoder(), CALCULATOR.client.decoder()];
    expect(readAll(one, "5:ab")).toEqual([]);
    expect(readAll(other, "1:x,")).toEqual(["x"]);
    expect(readAll(one, "cde,")).toEqual(["abcde"]);
  });

  test("does the same for datagrams, without framing", () => {
    const { server, client } = CALCULATOR;
    const request = Buffer.from(client.encodeDatagram?.({ left: 1, right: 2 }) ?? "");
    expect(request.toString()).toBe('{"left":1,"right":2}');
    expect(server.decodeDatagram?.(request)).toEqual({ left: 1, right: 2 });
    expect(Buffer.from(server.encodeDatagram?.("3") ?? "").toString()).toBe("3");
    expect(datagram(client, "3")).toBe("3");
  });

  test("frames datagrams for a codec that knows of streams alone, each way by itself", () => {
    const { server, client } = protocol({ requests: new StreamOnlyCodec(), replies: lines().text() });
    expect(Buffer.from(client.encodeDatagram?.("ask") ?? "").toString()).toBe("ask\n");
    expect(Buffer.from(server.encodeDatagram?.("answer") ?? "").toString()).toBe("answer");
    expect(datagram(server, "ask\n")).toBe("ask");
    expect(() => datagram(server, "ask\nask\n")).toThrow(
      expect.objectContaining({ code: ErrorCode.protocol }) as Error,
    );
    expect(datagram(client, "answer")).toBe("answer");
  });

  test("passes on what the codecs say of wrong messages, and what can be passed over", () => {
    const { server, client } = CALCULATOR;
    const decoder = server.decoder();
    decoder.push(Buffer.from('{"left":1}\n{"left":1,"right":2}\n'));
    expect(() => decoder.read()).toThrow(
      expect.objectContaining({ skippable: true, issues: [{ message: "two numbers are needed", path: [] }] }) as Error,
    );
    expect(decoder.skip()).toBe(true);
    expect(decoder.read()).toEqual({ left: 1, right: 2 });
    expect(() => datagram(server, "{}")).toThrow(expect.objectContaining({ code: ErrorCode.protocol }) as Error);
    const invalid = { type: TypeError, code: ErrorCode.invalidMessage, says: ["Cannot encode message"] };
    expectComplaint(() => server.encode(3 as never), invalid);
    expectComplaint(() => server.encodeDatagram?.(3 as never), invalid);
    expectComplaint(() => client.encode({ left: 5n } as never), invalid);
  });

  test("cannot be changed afterwards", () => {
    expect(Object.isFrozen(CALCULATOR)).toBe(true);
    expect(Object.isFrozen(CALCULATOR.server)).toBe(true);
    expect(Object.isFrozen(CALCULATOR.client)).toBe(true);
  });

  test.each(NO_CODECS)("refuses %s, which is no codec, for either of them", (value, shown) => {
    const codec = lines().text();
    for (const messages of [
      { requests: value, replies: codec },
      { requests: codec, replies: value },
    ]) {
      expectComplaint(() => protocol(messages as never), {
        type: TypeError,
        code: ErrorCode.invalidArgument,
        says: ["must be a codec, with encode() and decoder(), received", shown],
      });
    }
  });
});

describe("The server of a protocol()", () => {
  test("is what a MessageRequestHandler takes", async () => {
    const { output, error } = await runHandler(AddHandler, CALCULATOR.client.encode({ left: 20, right: 22 }));
    expect(error).toBeUndefined();
    expect(readAll(CALCULATOR.client.decoder(), output)).toEqual(["42"]);
  });

  test("is given datagrams, and answers with datagrams", async () => {
    await using running = await serve(AddHandler, { server: AsyncUDPServer });
    const request = CALCULATOR.client.encodeDatagram?.({ left: 20, right: 22 });
    const reply = await talkDatagram(running.address, request ?? "");
    expect(reply?.toString()).toBe("42");
    expect(running.errors).toEqual([]);
  });
});

describe("Protocol", () => {
  test("has the messages of the two codecs, each at its end", () => {
    const { server, client } = CALCULATOR;
    expectTypeOf<MessageOf<typeof server>>().toEqualTypeOf<Sum>();
    expectTypeOf<ReplyOf<typeof server>>().toEqualTypeOf<string>();
    expectTypeOf<MessageOf<typeof client>>().toEqualTypeOf<string>();
    expectTypeOf<ReplyOf<typeof client>>().toEqualTypeOf<Sum>();
    expectTypeOf(CALCULATOR).toEqualTypeOf<Protocol<Sum, string>>();
  });

  test("asks of JSON that is sent what the schema of the other end gives, and leaves the check to that end", () => {
    // @ts-expect-error -- A request has two numbers.
    const bytes = CALCULATOR.client.encode({ left: 1 });
    expect(() => readAll(CALCULATOR.server.decoder(), bytes)).toThrow("Cannot decode message");
  });

  test("lets a codec without a schema send what it can give to the other end", () => {
    const either = protocol({ requests: lines().json(), replies: lengthPrefixed().with(json()) });
    expectTypeOf(either).toEqualTypeOf<Protocol<JsonValue, JsonValue>>();
    const packed = lengthPrefixed().with(messagePack());
    const packs = protocol({ requests: packed, replies: lines().text() });
    expectTypeOf(packs.server).toEqualTypeOf<Codec<MessageOf<typeof packed>, string>>();
  });

  test("keeps what may be sent apart from what comes, if a codec does", () => {
    const bytes = protocol({ requests: lengthPrefixed(), replies: lines().text() });
    expectTypeOf(bytes).toEqualTypeOf<Protocol<Buffer, string, Uint8Array, string>>();
    expectTypeOf(bytes.client).toEqualTypeOf<Codec<string, Uint8Array>>();
    expectTypeOf(bytes.server).toEqualTypeOf<Codec<Buffer, string>>();
  });
});

describe("SentAs", () => {
  test("is what comes at the other end only if the codec takes anything", () => {
    expectTypeOf<SentAs<Sum, unknown>>().toEqualTypeOf<Sum>();
    expectTypeOf<SentAs<Buffer, Uint8Array>>().toEqualTypeOf<Uint8Array>();
    expectTypeOf<SentAs<string, never>>().toEqualTypeOf<never>();
  });
});
