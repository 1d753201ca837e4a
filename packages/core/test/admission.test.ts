import { AsyncTCPServer, type AdmissionOptions, type DropReason } from "@socketserver/core";
import { leakCheck, talkDatagram, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DATAGRAM_CELLS, SERVER_CELLS, serveIn, type Cell } from "./conformance/matrix.ts";
import { AskingHandler, AskingPacketHandler } from "./fixtures/asking-handlers.ts";
import { eventually } from "./support/eventually.ts";
import { sendDatagram } from "./support/send-datagram.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

const isUnix = ({ name }: Cell): boolean => name.includes("Unix");

function serveWith(cell: Cell, options: AdmissionOptions): Promise<RunningServer> {
  return serveIn(cell, cell.stream ? AskingHandler : AskingPacketHandler, options);
}

/** A limit, and the reason with which it refuses. */
type Limit = readonly [name: keyof AdmissionOptions, reason: DropReason];

const PLACES: readonly Limit[] = [
  ["maxConnections", "max-connections"],
  ["maxConnectionsPerAddress", "max-connections-per-address"],
  ["maxConnectionsPerSubnet", "max-connections-per-subnet"],
];

const LIMITS: readonly Limit[] = [
  ...PLACES,
  ["maxAcceptRate", "accept-rate"],
  ["maxAcceptRatePerAddress", "accept-rate-per-address"],
];

function reasonsOf({ drops }: RunningServer): DropReason[] {
  return drops.map(({ reason }) => reason);
}

describe.each(SERVER_CELLS.filter(({ stream }) => stream))("a limit of $name", (cell) => {
  test.each(LIMITS)("%s of 0 refuses everyone with %s", async (name, reason) => {
    await using running = await serveWith(cell, { [name]: 0 });
    for (let count = 0; count < 3; count++) {
      const visitor = await Visitor.enter(running.address);
      expect(await visitor.inside).toBe(false);
      visitor.vanish();
    }
    await eventually(() => expect(reasonsOf(running)).toEqual([reason, reason, reason]));
    expect(running.requests).toEqual([]);
    expect(running.server.statistics).toMatchObject({ taken: 0, active: 0, waiting: 0, dropped: { [reason]: 3 } });
  });

  test.each(PLACES)(
    "%s of 1 refuses the second with %s, and lets the next in once the first is gone",
    async (...limit) => {
      const [name, reason] = limit;
      await using running = await serveWith(cell, { [name]: 1 });
      for (let round = 1; round <= 2; round++) {
        const first = await Visitor.enter(running.address);
        expect(await first.inside).toBe(true);
        const second = await Visitor.enter(running.address);
        expect(await second.inside).toBe(false);
        await eventually(() => expect(reasonsOf(running)).toEqual(Array(round).fill(reason)));
        second.vanish();
        await first.leave();
        await eventually(() => expect(running.server.activeRequests).toBe(0));
      }
      expect(running.requests).toHaveLength(2);
    },
  );

  test.each(LIMITS.slice(PLACES.length))(
    "%s of 1 lets one in, and the next one about a second later",
    async (...limit) => {
      const [name, reason] = limit;
      await using running = await serveWith(cell, { [name]: 1 });
      const startedAt = performance.now();
      const enterAndLeave = async (): Promise<boolean> => {
        const visitor = await Visitor.enter(running.address);
        const isIn = await visitor.inside;
        await visitor.leave();
        return isIn;
      };
      expect(await enterAndLeave()).toBe(true);
      expect(await enterAndLeave()).toBe(false);
      while (!(await enterAndLeave())) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(performance.now() - startedAt).toBeGreaterThan(950);
      expect(new Set(reasonsOf(running))).toEqual(new Set([reason]));
      expect(running.requests).toHaveLength(2);
    },
  );

  test("of Infinity refuses nobody", async () => {
    const everyone = Object.fromEntries(LIMITS.map(([name]) => [name, Infinity]));
    await using running = await serveWith(cell, { ...everyone, admissionQueueSize: Infinity });
    const visits = Array.from({ length: 20 }, async () => {
      const visitor = await Visitor.enter(running.address);
      const isIn = await visitor.inside;
      await visitor.leave();
      return isIn;
    });
    expect(await Promise.all(visits)).toEqual(Array(20).fill(true));
    expect(running.drops).toEqual([]);
  });
});

describe.each(SERVER_CELLS.filter((cell) => cell.stream && !isUnix(cell)))("addresses of $name", (cell) => {
  test.each<[string, AdmissionOptions]>([
    ["denyAddresses", { denyAddresses: ["127.0.0.2", "127.0.1.0/24"] }],
    ["allowAddresses", { allowAddresses: ["127.0.0.1", "127.0.0.4/30"] }],
    ["both", { allowAddresses: ["127.0.0.0/24"], denyAddresses: ["127.0.0.2/31"] }],
  ])("of %s are refused with denied, and others served", async (_name, options) => {
    await using running = await serveWith(cell, options);
    const places: boolean[] = [];
    for (const from of ["127.0.0.2", "127.0.0.1", "127.0.1.9", "127.0.0.5"]) {
      const visitor = await Visitor.enter(running.address, from);
      places.push(await visitor.inside);
      await visitor.leave();
    }
    expect(places).toEqual([false, true, false, true]);
    await eventually(() => expect(running.drops).toHaveLength(2));
    expect(running.drops).toMatchObject([
      { reason: "denied", clientAddress: { host: "127.0.0.2" } },
      { reason: "denied", clientAddress: { host: "127.0.1.9" } },
    ]);
  });
});

describe("maxAcceptRatePerAddress of AsyncTCPServer", () => {
  test("takes nothing of what others may have", async () => {
    const cell = SERVER_CELLS.find(({ server }) => server === AsyncTCPServer) as Cell;
    await using running = await serveWith(cell, { maxAcceptRate: 4, maxAcceptRatePerAddress: 1 });
    const visitors: Visitor[] = [];
    for (const host of [1, 1, 1, 1, 2, 3, 4]) visitors.push(await Visitor.enter(running.address, `127.0.0.${host}`));
    const expected = [true, false, false, false, true, true, true];
    expect(await Promise.all(visitors.map(({ inside }) => inside))).toEqual(expected);
    await eventually(() => expect(reasonsOf(running)).toEqual(Array(3).fill("accept-rate-per-address")));
    for (const visitor of visitors) visitor.vanish();
  });
});

describe("maxConnectionsPerSubnet of AsyncTCPServer", () => {
  test.each([
    [24, [true, false, true, false]],
    [32, [true, true, true, false]],
    [0, [true, false, false, false]],
    [31, [true, true, true, false]],
  ])("counts addresses together whose first %d bits agree", async (ipv4SubnetPrefix, expected) => {
    const cell = SERVER_CELLS.find(({ server }) => server === AsyncTCPServer) as Cell;
    await using running = await serveWith(cell, { maxConnectionsPerSubnet: 1, ipv4SubnetPrefix });
    const visitors: Visitor[] = [];
    for (const from of ["127.0.0.1", "127.0.0.2", "127.0.1.1", "127.0.1.1"]) {
      visitors.push(await Visitor.enter(running.address, from));
    }
    expect(await Promise.all(visitors.map(({ inside }) => inside))).toEqual(expected);
    for (const visitor of visitors) await visitor.leave();
  });
});

describe.each(DATAGRAM_CELLS)("a limit of $name", (cell) => {
  test.each([...LIMITS, ["denyAddresses", "denied"] as const])("%s refuses datagrams with %s", async (name, reason) => {
    const nobody = name === "denyAddresses" ? ["127.0.0.0/8"] : 0;
    await using running = await serveWith(cell, { [name]: nobody, admissionWaitMs: 60_000 });
    await sendDatagram(running.address, "echo hello");
    await eventually(() => expect(reasonsOf(running)).toEqual([reason]));
    await running.server.changeAdmission({ [name]: name === "denyAddresses" ? [] : Infinity });
    expect(String(await talkDatagram(running.address, "echo hello"))).toBe('"hello"\n');
  });

  test.each(PLACES)(
    "%s of 1 refuses the second with %s, and lets the next in once the first is gone",
    async (...limit) => {
      const [name, reason] = limit;
      await using running = await serveWith(cell, { [name]: 1 });
      const first = talkDatagram(running.address, "wait 500");
      await eventually(() => expect(running.server.activeRequests).toBe(1));
      await sendDatagram(running.address, "echo second");
      await eventually(() => expect(reasonsOf(running)).toEqual([reason]));
      expect(String(await first)).toBe('"waited"\n');
      await eventually(() => expect(running.server.activeRequests).toBe(0));
      expect(String(await talkDatagram(running.address, "echo third"))).toBe('"third"\n');
    },
  );
});

describe("admission", () => {
  test("is what was given, completed and frozen, lists included, whatever becomes of what was given", async () => {
    const denyAddresses = ["192.0.2.0/24"];
    await using server = new AsyncTCPServer({ port: 0 }, AskingHandler, { maxConnections: 7, denyAddresses });
    denyAddresses.push("127.0.0.1");
    const expected = {
      maxConnections: 7,
      maxConnectionsPerAddress: Infinity,
      maxConnectionsPerSubnet: Infinity,
      ipv4SubnetPrefix: 24,
      ipv6SubnetPrefix: 64,
      maxAcceptRate: Infinity,
      maxAcceptRatePerAddress: Infinity,
      admissionWaitMs: 0,
      admissionQueueSize: 512,
      allowAddresses: undefined,
      denyAddresses: ["192.0.2.0/24"],
    };
    expect(server.admission).toEqual(expected);
    expect(server.admission).toSatisfy(Object.isFrozen);
    expect(server.admission.denyAddresses).toSatisfy(Object.isFrozen);
    await server.listen();
    expect(server.admission).toEqual(expected);
  });
});
