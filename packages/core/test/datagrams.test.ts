import { leakCheck, talkDatagram } from "@socketserver/testing";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";

import { DATAGRAM_CELLS, serveIn } from "./conformance/matrix.ts";
import { LateReplyHandler } from "./fixtures/packet-handlers.ts";
import { ThreatenedPacketHandler } from "./fixtures/threatened-handlers.ts";

beforeEach(() => leakCheck());

describe.each(DATAGRAM_CELLS)("a datagram of $name", (cell) => {
  test.each([
    ["after its deadline", "stay", { deadlineMs: 100 }, "deadline", "ERR_SOCKETSERVER_DEADLINE"],
    ["when its handler is done", "leave", {}, "done", "ERR_SOCKETSERVER_CONNECTION_CLOSED"],
  ])("is not answered %s: reply() rejects", async (_when, packet, options, reason, code) => {
    await using running = await serveIn(cell, LateReplyHandler, options);
    const client = createSocket("udp4");
    const heard: string[] = [];
    client.on("message", (answer) => heard.push(answer.toString()));
    client.send(packet, running.port, "127.0.0.1");
    expect(await running.closedCount(1)).toMatchObject([{ reason, bytesWritten: 0 }]);
    client.send("tell", running.port, "127.0.0.1");
    await once(client, "message");
    client.close();
    expect(heard).toEqual([code]);
  });

  test("does not age", async () => {
    await using running = await serveIn(cell, ThreatenedPacketHandler, { maxAgeMs: 1, graceMs: 0 });
    expect(String(await talkDatagram(running.address, "pause 100"))).toBe("pause 100");
    expect(await running.closedCount(1)).toMatchObject([{ reason: "done" }]);
  });
});
