/**
 * What leaves, and when: the bounds of unanswered and of waiting messages, and back-pressure.
 *
 * @module
 */
import { Channel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { eventually } from "../../core/test/support/eventually.ts";
import { settled } from "../../core/test/support/settled.ts";
import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { NOTES, noteLine, parseNote } from "./support/note.ts";
import { ScriptedServer, type Script } from "./support/scripted-server.ts";

const TEXT = lines().text();

const silent: Script = async (guest) => void (await guest.ended());

const neverReading: Script = () => {};

const QUEUE_FULL = { name: "RequestError", code: "ERR_SOCKETSERVER_QUEUE_FULL", sent: false };

/** More than the system keeps of a Unix socket, by far. */
const MANY = 64;
const BIG = "x".repeat(65_000);

beforeEach(() => leakCheck());

describe("maxPipelinedRequests", () => {
  test.each([1, 2, 7])("is how many unanswered requests the server sees at most: %d", async (maxPipelinedRequests) => {
    let most = 0;
    await using server = await ScriptedServer.start(async (guest) => {
      for (let answered = 0; answered < 40; answered++) {
        const line = await guest.line();
        // Whatever else is on its way comes before the answer leaves.
        await new Promise((resolve) => setTimeout(resolve, 1));
        most = Math.max(most, 1 + guest.rest.split("\n").length - 1);
        guest.say(`${line}\n`);
      }
    });
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests });
    const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
    expect(await Promise.all(texts.map((text) => channel.request(text)))).toEqual(texts);
    expect(most).toBe(maxPipelinedRequests);
  });

  test("bounds requests with ids, too, and lets any reply make room", async () => {
    const seen: (string | number)[] = [];
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) {
        const { id } = parseNote(line);
        seen.push(id);
        // The first one is answered last.
        if (id !== 1) guest.say(noteLine({ id }));
        if (id === 5) guest.say(noteLine({ id: 1 }));
      }
    });
    const options = { correlateBy: "id", maxPipelinedRequests: 2 } as const;
    await using channel = await Channel.connect(server.address, NOTES, options);
    const answered: unknown[] = [];
    await Promise.all([1, 2, 3, 4, 5].map(async (id) => answered.push((await channel.request({ id })).id)));
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(answered).toEqual([2, 3, 4, 5, 1]);
  });

  test("is no bound for messages that ask nothing", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 1 });
    await Promise.all(Array.from({ length: 50 }, (_, index) => channel.send(`${index}`)));
    await eventually(async () => expect((await server.guest()).rest.split("\n")).toHaveLength(51));
  });

  test("holds up what is sent behind a request that waits, and keeps the order", async () => {
    const { promise: allowed, resolve: answer } = Promise.withResolvers<void>();
    const seen: string[] = [];
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) {
        seen.push(line);
        await allowed;
        if (line.startsWith("request")) guest.say(`${line}\n`);
      }
    });
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 1 });
    const requests = [channel.request("request 1"), channel.request("request 2")];
    const sending = channel.send("message");
    await eventually(() => expect(seen).toEqual(["request 1"]));
    expect(await settled(sending)).toBe(false);
    answer();
    expect(await Promise.all(requests)).toEqual(["request 1", "request 2"]);
    await sending;
    await eventually(() => expect(seen).toEqual(["request 1", "request 2", "message"]));
  });

  test("is 128 unless given", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, TEXT);
    const outcomes = Array.from({ length: 200 }, (_, index) => channel.request(`${index}`, { timeoutMs: 50 }));
    const errors = await Promise.all(outcomes.map((each) => each.catch((error: unknown) => error)));
    expect(errors.filter((error) => (error as { sent: boolean }).sent)).toHaveLength(128);
  });
});

describe("requestQueueSize", () => {
  test("is how many messages may wait; one more is rejected, and shown the bound", async () => {
    await using server = await ScriptedServer.start(silent);
    const options = { maxPipelinedRequests: 1, requestQueueSize: 2 };
    await using channel = await Channel.connect(server.address, TEXT, options);
    const waiting = Promise.allSettled([channel.request("sent"), channel.request("waits"), channel.send("waits")]);
    const message = expect.stringContaining("2 messages wait already (requestQueueSize)") as string;
    await expect(channel.request("too many")).rejects.toMatchObject({ ...QUEUE_FULL, message });
    await expect(channel.send("too many")).rejects.toMatchObject(QUEUE_FULL);
    channel.abort();
    expect((await waiting).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  });

  test("of 0 lets nothing wait, and sends what need not", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) guest.say(`${line}\n`);
    });
    const options = { maxPipelinedRequests: 1, requestQueueSize: 0 };
    await using channel = await Channel.connect(server.address, TEXT, options);
    const [first, second] = await Promise.allSettled([channel.request("first"), channel.request("second")]);
    expect(first).toMatchObject({ value: "first" });
    expect(second).toMatchObject({ reason: QUEUE_FULL });
    expect(await channel.request("third")).toBe("third");
  });

  test("frees the id of a request that it refused", async () => {
    await using server = await ScriptedServer.start(async (guest) => {
      for await (const line of guest) guest.say(`${line}\n`);
    });
    const options = { correlateBy: "id", maxPipelinedRequests: 1, requestQueueSize: 0 } as const;
    await using channel = await Channel.connect(server.address, NOTES, options);
    const first = channel.request({ id: 1 });
    await expect(channel.request({ id: 2 })).rejects.toMatchObject(QUEUE_FULL);
    await first;
    expect(await channel.request({ id: 2 })).toEqual({ id: 2 });
  });

  test("is 1024 unless given", async () => {
    await using server = await ScriptedServer.start(silent);
    await using channel = await Channel.connect(server.address, TEXT, { maxPipelinedRequests: 1 });
    const outcomes = Array.from({ length: 1 + 1_024 }, () => channel.request("?").catch((error: unknown) => error));
    await expect(channel.request("one more")).rejects.toMatchObject(QUEUE_FULL);
    channel.abort();
    for (const error of await Promise.all(outcomes)) {
      expect(error).toMatchObject({ code: "ERR_SOCKETSERVER_CONNECTION_CLOSED" });
    }
  });
});

describe("A server that does not read", () => {
  test("makes sends wait, and gets all of it in order when it reads", async () => {
    await using server = await ScriptedServer.start(neverReading, await temporaryPath());
    await using channel = await Channel.connect(server.address, TEXT);
    let done = 0;
    const sending = Array.from({ length: MANY }, async (_, index) => {
      await channel.send(`${index} ${BIG}`);
      done++;
    });
    const guest = await server.guest();
    await eventually(() => expect(done).toBeGreaterThan(0));
    expect(done).toBeLessThan(MANY / 2);
    const indices = (await guest.lines(MANY)).map((line) => Number(line.split(" ")[0]));
    await Promise.all(sending);
    expect(indices).toEqual(Array.from({ length: MANY }, (_, index) => index));
  });

  test("fills the queue, and no more of this process", async () => {
    await using server = await ScriptedServer.start(neverReading, await temporaryPath());
    const options = { requestQueueSize: 4, highWaterMark: 1_024 };
    await using channel = await Channel.connect(server.address, TEXT, options);
    const outcomes = Array.from({ length: MANY }, () => channel.send(BIG).catch((error: unknown) => error));
    channel.abort();
    const errors = await Promise.all(outcomes);
    const codes = errors.map(
      (error) => (error as { code: string; sent: boolean } | undefined) ?? { code: "", sent: true },
    );
    const waited = codes.filter(({ code, sent }) => code !== QUEUE_FULL.code && !sent);
    expect(waited).toHaveLength(4);
    const refused = codes.filter(({ code }) => code === QUEUE_FULL.code);
    expect(refused.length).toBeGreaterThan(MANY / 2);
  });

  test("does not let a send that was given up overtake, or leave twice", async () => {
    await using server = await ScriptedServer.start(neverReading, await temporaryPath());
    await using channel = await Channel.connect(server.address, TEXT, { highWaterMark: 1_024 });
    const first = Array.from({ length: MANY }, (_, index) => channel.send(`${index} ${BIG}`, { timeoutMs: 50 }));
    const outcomes = await Promise.allSettled(first);
    const gone = outcomes.flatMap((outcome, index) =>
      outcome.status === "fulfilled" || (outcome.reason as { sent: boolean }).sent ? [index] : [],
    );
    expect(gone.length).toBeLessThan(MANY);
    const last = channel.send("last");
    const heard = await (await server.guest()).lines(gone.length + 1);
    await last;
    expect(heard.map((line) => line.split(" ")[0])).toEqual([...gone.map(String), "last"]);
  });
});
