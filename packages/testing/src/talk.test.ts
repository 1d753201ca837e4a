import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { leakCheck } from "./leak-check.ts";
import { talkDatagram } from "./talk.ts";

const PATIENT = { timeoutMs: 20_000 };

let peer: Socket;
const address = (): { readonly host: string; readonly port: number } => ({
  host: "127.0.0.1",
  port: peer.address().port,
});

beforeEach(() => leakCheck());

beforeEach(async () => {
  peer = createSocket("udp4").bind(0, "127.0.0.1");
  await once(peer, "listening");
});

afterEach(() => new Promise<void>((resolve) => void peer.close(resolve)));

describe("talkDatagram()", () => {
  test("answers the first datagram that comes back, also an empty one", async () => {
    peer.on("message", (packet, { port }) => {
      for (const answer of [packet, "second"]) peer.send(answer, port);
    });
    expect(await talkDatagram(address(), "hello")).toEqual(Buffer.from("hello"));
    expect(await talkDatagram(address(), "")).toEqual(Buffer.alloc(0));
  });

  test("answers undefined if none comes in time", async () => {
    expect(await talkDatagram(address(), "hello", { timeoutMs: 1 })).toBeUndefined();
  });

  test("tells at once what the system does not send", async () => {
    await expect(talkDatagram(address(), Buffer.alloc(70_000), PATIENT)).rejects.toMatchObject({ code: "EMSGSIZE" });
    const nowhere = { host: "no.such.invalid", port: 5 };
    await expect(talkDatagram(nowhere, "hello", PATIENT)).rejects.toMatchObject({ syscall: "getaddrinfo" });
    await expect(talkDatagram(address(), 5 as never)).rejects.toBeInstanceOf(TypeError);
  });

  test("refuses a path", async () => {
    await expect(talkDatagram({ path: "/tmp/a.sock" }, "hello")).rejects.toThrow(
      "Cannot send datagram: address must have host and port, received the path /tmp/a.sock",
    );
  });
});
