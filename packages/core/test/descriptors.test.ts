/**
 * Servers whose process runs out of file descriptors, under a real `ulimit -n`.
 */
import { dial, leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import type { LimitedServerReport } from "./fixtures/limited-server-program.ts";
import { ask } from "./support/ask.ts";
import { Crowd } from "./support/crowd.ts";
import { eventually } from "./support/eventually.ts";
import { LimitedServer } from "./support/limited-server.ts";
import { temporaryPath } from "./support/temporary-path.ts";

const MANY = 100;

/** Of a core, in a second in which nothing happens; a server that spins takes all of it. */
const MOST_BUSY_MS = 300;

/** What a process may hold more than before: the runtime opens some when it first needs them. */
const FEW = 4;

const SERVERS = ["AsyncTCPServer", "ThreadingTCPServer", "ForkingTCPServer", "AsyncUnixStreamServer"];

/** In these, whoever has come in is served by the process that was out of descriptors. */
const OF_ONE_PROCESS = SERVERS.filter((name) => name !== "ForkingTCPServer");

beforeEach(() => leakCheck());

async function start(name: string, workers = 1): Promise<LimitedServer> {
  const path = name.includes("Unix") ? { path: await temporaryPath() } : {};
  return LimitedServer.start(name, { descriptors: 64, workers, ...path });
}

/** Until its guard has looked again, and some more. */
async function whenServing(server: LimitedServer): Promise<void> {
  for (let attempt = 0; attempt < 8; attempt++) {
    await using crowd = new Crowd();
    if ((await crowd.come(server.address, 1)).served === 1) return;
    await server.look();
  }
  throw new Error("Cannot be served: the server does not recover");
}

/** Until so many of its workers may take requests: they tell about once a second how many descriptors they have. */
async function whenReady(server: LimitedServer, workers: number): Promise<void> {
  for (let attempt = 0; attempt < 8; attempt++) if ((await server.look()).readyWorkers === workers) return;
  throw new Error(`Cannot go on: there are not ${workers} workers that take requests`);
}

async function expectQuietEnd(server: LimitedServer, before: LimitedServerReport): Promise<void> {
  const { active, busyMs, descriptors } = await server.look();
  expect(active).toBe(0);
  expect(busyMs).toBeLessThan(MOST_BUSY_MS);
  expect(descriptors - before.descriptors).toBeLessThan(FEW);
  await server.close();
  expect(server.stderr).toBe("");
}

const describeUnix = describe.skipIf(process.platform === "win32");

describeUnix.each(OF_ONE_PROCESS)("%s with more clients than descriptors", (name) => {
  test("serves as many as it can, refuses the others at once, tells once, and recovers by itself", async () => {
    await using server = await start(name);
    await using crowd = new Crowd();
    const first = await server.look();
    for (let episode = 1; episode <= 2; episode++) {
      const before = await server.look();
      const { served = 0, reset = 0, ended = 0, waiting } = await crowd.come(server.address, MANY);
      expect(waiting).toBeUndefined();
      const { active, acceptErrors, drops, busyMs } = await server.look();
      expect(active).toBe(served);
      expect(acceptErrors).toHaveLength(episode);
      expect((drops.descriptors ?? 0) - (before.drops.descriptors ?? 0)).toBe(reset + ended);
      expect(busyMs).toBeLessThan(MOST_BUSY_MS);
      await crowd.leave();
      await whenServing(server);
    }
    const { acceptErrors, drops } = await server.look();
    expect(acceptErrors).toEqual(["EMFILE", "EMFILE"]);
    expect(Object.keys(drops)).toEqual(["descriptors"]);
    await expectQuietEnd(server, first);
  });
});

describeUnix.each(SERVERS)("%s whose program has taken all descriptors", (name) => {
  test("refuses everyone at once, tells once, and serves again when it gives them back", async () => {
    await using server = await start(name);
    await using crowd = new Crowd();
    const before = await server.look();
    await server.eat();
    expect(await crowd.come(server.address, MANY)).not.toMatchObject({ waiting: expect.anything() });
    expect(crowd.fates.served).toBeUndefined();
    const { busyMs, acceptErrors } = await server.look();
    expect(busyMs).toBeLessThan(MOST_BUSY_MS);
    expect(acceptErrors).toEqual(["EMFILE"]);
    // Those who come later are refused, too, and counted.
    const { drops } = await server.look();
    expect(await crowd.come(server.address, 10)).toEqual({ reset: 10 });
    expect((await server.look()).drops.descriptors).toBe((drops.descriptors ?? 0) + 10);
    await server.free();
    await whenServing(server);
    await crowd.leave();
    expect(await crowd.come(server.address, 5)).toEqual({ served: 5 });
    await crowd.leave();
    expect((await server.look()).acceptErrors).toHaveLength(1);
    await expectQuietEnd(server, before);
  });
});

describeUnix.each(OF_ONE_PROCESS)("%s whose handler has taken all descriptors", (name) => {
  test("leaves nobody hanging, and goes on when they are given back", async () => {
    await using server = await start(name);
    await using crowd = new Crowd();
    const before = await server.look();
    await using hungry = await dial(server.address);
    expect(await ask(hungry, "eat")).toBe("EMFILE");
    expect(await crowd.come(server.address, 20)).not.toMatchObject({ waiting: expect.anything() });
    expect(await ask(hungry, "free")).toBe("freed");
    await hungry.close();
    await crowd.leave();
    await whenServing(server);
    expect(await crowd.come(server.address, 5)).toEqual({ served: 5 });
    await crowd.leave();
    await expectQuietEnd(server, before);
  });
});

describeUnix("ForkingTCPServer, whose processes have descriptors of their own,", () => {
  test("serves as many as they can hold; others are refused, or wait and are served when there is room", async () => {
    await using server = await start("ForkingTCPServer");
    await using crowd = new Crowd();
    const before = await server.look();
    const { served = 0, reset = 0, ended = 0, waiting = 0 } = await crowd.come(server.address, MANY);
    const { drops, busyMs, ...report } = await server.look();
    expect(served).toBeGreaterThan(0);
    expect(report.active + report.waiting).toBe(served + waiting);
    expect(drops).toEqual({ descriptors: reset + ended });
    expect(busyMs).toBeLessThan(MOST_BUSY_MS);
    await crowd.leave("served");
    await eventually(() => expect(crowd.fates.waiting).toBeUndefined(), 5_000);
    expect(crowd.fates).toEqual({ ...(waiting > 0 ? { served: waiting } : {}), reset });
    await crowd.leave();
    await whenServing(server);
    await expectQuietEnd(server, before);
  });

  test("tells once of a crowd, though descriptors come free all the time", async () => {
    await using server = await start("ForkingTCPServer");
    await using crowd = new Crowd();
    await crowd.come(server.address, MANY, 1_000);
    expect((await server.look()).acceptErrors).toEqual(["EMFILE"]);
  });

  test("serves everyone in one that has some, and in both when the other has some again", async () => {
    await using server = await start("ForkingTCPServer", 2);
    await using crowd = new Crowd();
    const before = await server.look();
    await using hungry = await dial(server.address);
    expect(await ask(hungry, "eat")).toBe("EMFILE");
    await whenReady(server, 1);
    expect(await crowd.come(server.address, 10)).toEqual({ served: 10 });
    expect(await ask(hungry, "free")).toBe("freed");
    await whenReady(server, 2);
    expect(await server.look()).toMatchObject({ acceptErrors: [], drops: {} });
    expect(await crowd.come(server.address, 10)).toEqual({ served: 10 });
    await hungry.close();
    await crowd.leave();
    await expectQuietEnd(server, before);
  });

  test("loses nobody who was sent to one that had none left, and serves them soon after it has some again", async () => {
    await using server = await start("ForkingTCPServer");
    await using crowd = new Crowd();
    const before = await server.look();
    await using hungry = await dial(server.address);
    expect(await ask(hungry, "eat")).toBe("EMFILE");
    // Before it has told that it has none.
    expect(await crowd.come(server.address, 10, 1_000)).toEqual({ waiting: 10 });
    expect(await ask(hungry, "free")).toBe("freed");
    await eventually(() => expect(crowd.fates).toEqual({ served: 10 }), 5_000);
    await hungry.close();
    await crowd.leave();
    await expectQuietEnd(server, before);
  });
});
