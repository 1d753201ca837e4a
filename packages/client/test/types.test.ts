/**
 * What the compiler says of those who use the clients. Nothing here connects: the functions are never called.
 *
 * @module
 */
import {
  Channel,
  ReconnectingChannel,
  connect,
  type ChannelState,
  type ClientErrorCode,
  type ConnectError,
  type ConnectedInfo,
  type CorrelateBy,
  type DisconnectedInfo,
  type FailedAttempt,
  type FieldOf,
  type ReconnectingChannelEvents,
  type RequestError,
  type Target,
  type WaitingInfo,
} from "@socketserver/client";
import type { Address, CloseReason, Connection, PeerError, SocketServerError } from "@socketserver/core";
import { lengthPrefixed, lines, protocol, type JsonValue } from "@socketserver/framing";
import { describe, expectTypeOf, test } from "vitest";

import { schemaOf } from "../../framing/test/support/schema-of.ts";

const PLACE = { host: "127.0.0.1", port: 9 };

interface Query {
  readonly id: number;
  readonly text: string;
}

type Answer = { readonly replyTo: number; readonly found: number } | { readonly event: string };

interface Echo {
  readonly id: string;
}

const TEXT = lines().text();
const ECHO = lines().json(schemaOf<Echo>(() => ({ value: { id: "1" } })));
const SEARCH = protocol({
  requests: lengthPrefixed().json(schemaOf<Query>(() => ({ value: { id: 1, text: "" } }))),
  replies: lengthPrefixed().json(schemaOf<Answer>(() => ({ value: { event: "" } }))),
});

type SearchChannel = Channel<Answer, Query>;
type Outcome<Work extends (...args: never) => Promise<unknown>> = Awaited<ReturnType<Work>>;

describe("connect()", () => {
  test("takes a target or several, and gives a connection", () => {
    expectTypeOf(connect).returns.resolves.toEqualTypeOf<Connection>();
    expectTypeOf(connect).parameter(0).toEqualTypeOf<Target | readonly Target[]>();
    expectTypeOf(connect).toBeCallableWith([{ path: "/run/it" }, { port: 1 }], { signal: AbortSignal.timeout(1) });
    // @ts-expect-error -- A port is needed.
    expectTypeOf(connect).toBeCallableWith({ host: "::1" });
    // @ts-expect-error -- Channels alone have requests.
    expectTypeOf(connect).toBeCallableWith(PLACE, { requestTimeoutMs: 1 });
  });
});

describe("Channel.connect()", () => {
  test("finds its messages in the codec", () => {
    const text = () => Channel.connect(PLACE, TEXT);
    const bytes = () => Channel.connect(PLACE, lengthPrefixed(), { inboxSize: 1 });
    const json = () => Channel.connect(PLACE, lines().json());
    const checked = () => Channel.connect(PLACE, ECHO);
    expectTypeOf<Outcome<typeof text>>().toEqualTypeOf<Channel<string>>();
    expectTypeOf<Outcome<typeof bytes>>().toEqualTypeOf<Channel<Buffer, Uint8Array>>();
    expectTypeOf<Outcome<typeof json>>().toEqualTypeOf<Channel<JsonValue, unknown>>();
    expectTypeOf<Outcome<typeof checked>>().toEqualTypeOf<Channel<Echo, unknown>>();
  });

  test("finds them in the client's end of a protocol()", () => {
    const search = () => Channel.connect([PLACE], SEARCH.client, { signal: AbortSignal.timeout(1) });
    const server = () => Channel.connect(PLACE, SEARCH.server);
    expectTypeOf<Outcome<typeof search>>().toEqualTypeOf<SearchChannel>();
    expectTypeOf<Outcome<typeof server>>().toEqualTypeOf<Channel<Query, Answer>>();
  });

  test("does not take a protocol() for a codec, or a class of messages that the codec has not", () => {
    // @ts-expect-error -- Which end of it?
    const both = () => Channel.connect(PLACE, SEARCH);
    // @ts-expect-error -- Lines of text are no numbers.
    const numbers = (): Promise<Channel<number>> => Channel.connect(PLACE, TEXT);
    expectTypeOf(both).toBeFunction();
    expectTypeOf(numbers).toBeFunction();
  });
});

describe("correlateBy", () => {
  test("is a field that both kinds of messages have, or one of each", () => {
    const same = () => Channel.connect(PLACE, lines().json(), { correlateBy: "id" });
    const echo = () => Channel.connect(PLACE, ECHO, { correlateBy: "id" });
    const each = () => Channel.connect(PLACE, SEARCH.client, { correlateBy: { request: "id", reply: "replyTo" } });
    expectTypeOf<Outcome<typeof same>>().toEqualTypeOf<Channel<JsonValue, unknown>>();
    expectTypeOf<Outcome<typeof echo>>().toEqualTypeOf<Channel<Echo, unknown>>();
    expectTypeOf<Outcome<typeof each>>().toEqualTypeOf<SearchChannel>();
  });

  test("is no name of a field that is not there", () => {
    const wrong = [
      // @ts-expect-error -- Answers have none.
      () => Channel.connect(PLACE, SEARCH.client, { correlateBy: "id" }),
      // @ts-expect-error -- Nobody has one.
      () => Channel.connect(PLACE, SEARCH.client, { correlateBy: "key" }),
      // @ts-expect-error -- They are the other way round.
      () => Channel.connect(PLACE, SEARCH.client, { correlateBy: { request: "replyTo", reply: "id" } }),
      // @ts-expect-error -- Replies need one, too.
      () => Channel.connect(PLACE, SEARCH.client, { correlateBy: { request: "id" } }),
      // @ts-expect-error -- Text has no fields.
      () => Channel.connect(PLACE, TEXT, { correlateBy: "length" }),
      // @ts-expect-error -- An echo has no such field.
      () => Channel.connect(PLACE, ECHO, { correlateBy: "key" }),
      // @ts-expect-error -- The same for those that come back.
      () => new ReconnectingChannel(PLACE, SEARCH.client, { correlateBy: "id" }),
      // @ts-expect-error -- The same over a connection that is there.
      (connection: Connection) => new Channel(connection, SEARCH.client, { correlateBy: "id" }),
    ];
    expectTypeOf(wrong).toBeArray();
  });

  test("has the fields of every kind of message, and any name if nothing is known of them", () => {
    expectTypeOf<FieldOf<Answer>>().toEqualTypeOf<"replyTo" | "found" | "event">();
    expectTypeOf<FieldOf<string>>().toBeNever();
    expectTypeOf<FieldOf<unknown>>().toEqualTypeOf<string>();
    expectTypeOf<FieldOf<{ readonly maybe?: number; readonly [Symbol.iterator]: unknown }>>().toEqualTypeOf<"maybe">();
    expectTypeOf<CorrelateBy<Echo, Query>>().toEqualTypeOf<
      "id" | { readonly request: "id" | "text"; readonly reply: "id" }
    >();
    expectTypeOf<CorrelateBy<unknown, unknown>>().toEqualTypeOf<
      string | { readonly request: string; readonly reply: string }
    >();
  });
});

describe("Channel", () => {
  test("sends what the codec can tell, and gives what it decodes", () => {
    expectTypeOf<SearchChannel["request"]>().parameter(0).toEqualTypeOf<Query>();
    expectTypeOf<SearchChannel["request"]>().returns.resolves.toEqualTypeOf<Answer>();
    expectTypeOf<SearchChannel["send"]>().parameter(0).toEqualTypeOf<Query>();
    expectTypeOf<SearchChannel["send"]>().returns.resolves.toEqualTypeOf<void>();
    expectTypeOf<SearchChannel["receive"]>().returns.resolves.toEqualTypeOf<Answer | undefined>();
    expectTypeOf<SearchChannel>().toExtend<AsyncIterable<Answer> & AsyncDisposable>();
    expectTypeOf<SearchChannel["closed"]>().resolves.toEqualTypeOf<CloseReason>();
    expectTypeOf<SearchChannel["closeReason"]>().toEqualTypeOf<CloseReason | undefined>();
  });

  test("sends what it receives unless told otherwise", () => {
    expectTypeOf<Channel<string>>().toEqualTypeOf<Channel<string, string>>();
    expectTypeOf<Channel<string>>().not.toExtend<Channel<number>>();
  });

  test("refuses wrong messages, and what only those know that come back", () => {
    const wrong = (channel: SearchChannel): readonly unknown[] => [
      // @ts-expect-error -- A query has a text.
      channel.request({ id: 1 }),
      // @ts-expect-error -- It is no answer that is asked.
      channel.send({ event: "none" }),
      // @ts-expect-error -- There is no second connection.
      channel.request({ id: 1, text: "" }, { idempotent: true }),
    ];
    expectTypeOf(wrong).toBeFunction();
  });
});

describe("ReconnectingChannel", () => {
  test("finds its messages in the codec", () => {
    const search = () => new ReconnectingChannel(PLACE, SEARCH.client, { maxAttempts: 3, backoff: { jitter: 1 } });
    const text = () => new ReconnectingChannel([PLACE, { path: "/run/it" }], TEXT);
    expectTypeOf(search).returns.toEqualTypeOf<ReconnectingChannel<Answer, Query>>();
    expectTypeOf(text).returns.toEqualTypeOf<ReconnectingChannel<string>>();
    expectTypeOf<ReturnType<typeof text>["request"]>().toBeCallableWith("ping", { idempotent: true, timeoutMs: 1 });
    expectTypeOf<ReturnType<typeof search>["request"]>().returns.resolves.toEqualTypeOf<Answer>();
    expectTypeOf<ReturnType<typeof search>["receive"]>().returns.resolves.toEqualTypeOf<Answer | undefined>();
    expectTypeOf<ReturnType<typeof search>["state"]>().toEqualTypeOf<ChannelState>();
    // @ts-expect-error -- Its calls have signals, and it has close().
    const aborted = () => new ReconnectingChannel(PLACE, TEXT, { signal: AbortSignal.timeout(1) });
    expectTypeOf(aborted).toBeFunction();
  });

  test("gives setup() a channel of the same messages, to wait for or not", () => {
    class SearchClient extends ReconnectingChannel<Answer, Query> {
      protected override async setup(channel: SearchChannel): Promise<void> {
        expectTypeOf(await channel.request({ id: 1, text: "hello" })).toEqualTypeOf<Answer>();
      }
    }
    class QuietClient extends ReconnectingChannel<string> {
      protected override setup(channel: Channel<string>): void {
        void channel.send("hello");
      }
    }
    expectTypeOf<SearchClient>().toExtend<ReconnectingChannel<Answer, Query>>();
    expectTypeOf<QuietClient>().toExtend<ReconnectingChannel<string>>();
  });

  test("tells each listener what its event is about, and knows no other event", () => {
    const listen = (channel: ReconnectingChannel<string>): void => {
      channel.on("connected", (info) => void expectTypeOf(info).toEqualTypeOf<ConnectedInfo>());
      channel.once("disconnected", (info) => void expectTypeOf(info).toEqualTypeOf<DisconnectedInfo>());
      channel.on("waiting", (info) => void expectTypeOf(info).toEqualTypeOf<WaitingInfo>());
      channel.on("close", (error) => void expectTypeOf(error).toEqualTypeOf<Error | undefined>());
      // @ts-expect-error -- No event is called so.
      channel.on("error", () => undefined);
    };
    expectTypeOf(listen).toBeFunction();
    expectTypeOf<keyof ReconnectingChannelEvents>().toEqualTypeOf<
      "connecting" | "connected" | "disconnected" | "waiting" | "close"
    >();
  });
});

describe("The tables and the errors", () => {
  test("are closed sets, and say what is known", () => {
    expectTypeOf<ChannelState>().toEqualTypeOf<"idle" | "connecting" | "connected" | "waiting" | "closed">();
    expectTypeOf<ClientErrorCode>().toExtend<`ERR_SOCKETSERVER_${string}`>();
    expectTypeOf<RequestError>().toExtend<PeerError>();
    expectTypeOf<RequestError["sent"]>().toEqualTypeOf<boolean>();
    expectTypeOf<ConnectError>().toExtend<SocketServerError>();
    expectTypeOf<ConnectError["attempts"]>().toEqualTypeOf<readonly FailedAttempt[]>();
    expectTypeOf<FailedAttempt["address"]>().toEqualTypeOf<Address>();
    expectTypeOf<FailedAttempt["error"]["code"]>().toEqualTypeOf<string>();
  });
});
