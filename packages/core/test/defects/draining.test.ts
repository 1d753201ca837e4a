import { AsyncTCPServer, AsyncUDPServer, AsyncUnixStreamServer } from "@socketserver/core";
import { dial, leakCheck, serve, talkDatagram } from "@socketserver/testing";
import { pbkdf2 } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoAllHandler } from "../fixtures/closing-handlers.ts";
import { StagedPacketHandler, StagedStreamHandler } from "../fixtures/drain-phases.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryPath } from "../support/temporary-path.ts";

beforeEach(() => leakCheck());

const derive = promisify(pbkdf2);

describe("the report of a drain", () => {
  test("counts connections to a Unix socket that come between close() and the end of its listener", async () => {
    const address = { path: await temporaryPath() };
    const running = await serve(EchoAllHandler, { server: AsyncUnixStreamServer, address });
    // They keep Node's threads busy, and with them the look at the file that comes before the listener is closed.
    const busy = Array.from({ length: 8 }, () => derive("password", "salt", 50_000, 64, "sha512"));
    const closing = running.close();
    const clients = Array.from({ length: 5 }, () => connect(address.path).resume());
    const ends = clients.map((client) =>
      once(
        client.on("error", () => {}),
        "close",
      ),
    );
    const report = await closing;
    await Promise.all([...ends, ...busy]);
    expect(running.drops.map(({ reason }) => reason)).toEqual(clients.map(() => "draining"));
    expect(report.refused).toBe(running.drops.length);
  });
});

describe("a handler that answers after its request was cut and its server has closed", () => {
  test("is no failure to report, on a connection", async () => {
    const running = await serve(StagedStreamHandler, { server: AsyncTCPServer });
    await using client = await dial(running.address);
    await client.sendAll("work 50\n");
    expect(String(await client.recv())).toBe("+\n");
    expect((await running.close({ graceMs: 0 })).cut).toHaveLength(1);
    await eventually(() => expect(running.server.activeRequests).toBe(0));
    expect(running.errors).toEqual([]);
  });

  test("is no failure to report, to a packet", async () => {
    const running = await serve(StagedPacketHandler, { server: AsyncUDPServer });
    expect(String(await talkDatagram(running.address, "work 50"))).toBe("+\n");
    expect((await running.close({ graceMs: 0 })).cut).toHaveLength(1);
    await eventually(() => expect(running.server.activeRequests).toBe(0));
    expect(running.errors).toEqual([]);
  });
});
