/**
 * Codecs that do not keep to their contract, as those that people write sometimes do: what they break is no more than their own requests.
 *
 * @module
 */
import { Channel, DatagramClient, ReconnectingChannel } from "@socketserver/client";
import { AsyncUDPServer, DatagramRequestHandler } from "@socketserver/core";
import { lines, unframedText, type Codec } from "@socketserver/framing";
import { leakCheck, serve } from "@socketserver/testing";
import { inflateSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";

import { echoScript } from "./support/echo-script.ts";
import { FAST } from "./support/fast-retry.ts";
import { HASTY } from "./support/hasty.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

beforeEach(() => leakCheck());

class EchoPacketHandler extends DatagramRequestHandler {
  override async handle(): Promise<void> {
    await this.request.reply(this.packet);
  }
}

const THROWN: readonly (readonly [string, () => never, string])[] = [
  ["null", throwing(null), "null"],
  ["text", throwing("no luck"), "no luck"],
  ["an error with a number of its own", throwing(Object.assign(new Error("mine"), { errno: 2, code: "MINE" })), "mine"],
  ["an error of zlib", () => void inflateSync(Buffer.from("nothing packed")) as never, "incorrect header check"],
];

function throwing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

/** Text that cannot be read. */
function unreadable(decode: () => never): Codec<string> {
  return {
    encode: (text) => Buffer.from(`${text}\n`),
    decodeDatagram: decode,
    decoder: () => ({
      ...lines().text().decoder(),
      bufferedBytes: 0,
      push: () => undefined,
      read: decode,
      end: () => undefined,
      skip: () => false,
    }),
  };
}

describe.each(THROWN)("A decoder that throws %s", (_, decode, says) => {
  test("ends its channel, and every request is told", async () => {
    await using server = await ScriptedServer.start(echoScript());
    await using channel = await Channel.connect(server.address, unreadable(decode));
    const outcomes = await Promise.allSettled([channel.request("one"), channel.request("two"), channel.receive()]);
    for (const outcome of outcomes) expect(outcome.status).toBe("rejected");
    expect(channel.open).toBe(false);
    expect(await channel.closed).toBe("aborted");
  });

  test("is the cause of a time-out for datagrams", async () => {
    await using running = await serve(EchoPacketHandler, { server: AsyncUDPServer });
    const { port } = running;
    await using client = new DatagramClient({ port }, unreadable(decode), { retry: { ...FAST, maxAttempts: 2 } });
    await expect(client.request("one")).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT",
      message: expect.stringContaining(says) as unknown,
      sent: true,
    });
  });
});

describe("An encoder that answers no bytes", () => {
  const encode = (text: string): Uint8Array => (text === "wrong" ? ([1, 2] as never) : Buffer.from(`${text}\n`));
  const wrong: Codec<string> = { ...unframedText(), encode, decoder: () => lines().text().decoder() };
  const invalid = {
    code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
    message: "Cannot encode message: encode() of the codec must answer a Uint8Array, received [1,2]",
  };

  test("fails its own call, and no other", async () => {
    await using server = await ScriptedServer.start(echoScript());
    await using channel = new ReconnectingChannel(server.address, wrong, HASTY);
    const before = channel.request("before");
    await expect(channel.request("wrong")).rejects.toMatchObject(invalid);
    await expect(channel.send("wrong")).rejects.toMatchObject(invalid);
    expect(await Promise.all([before, channel.request("after")])).toEqual(["echo before", "echo after"]);
    expect(server.guests).toHaveLength(1);
  });

  test("fails its own datagram", async () => {
    await using client = new DatagramClient({ port: 1 }, { encode, decoder: () => lines().text().decoder() });
    await expect(client.request("wrong")).rejects.toMatchObject(invalid);
    await expect(client.send("wrong")).rejects.toMatchObject(invalid);
  });
});
