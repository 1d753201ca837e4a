import { AsyncTCPServer, type AdmissionOptions } from "@socketserver/core";
import { leakCheck, serve, type RunningServer } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { CELLS, SERVER_CELLS, serveIn, type Cell } from "./conformance/matrix.ts";
import { AskingHandler, AskingPacketHandler } from "./fixtures/asking-handlers.ts";
import { askServer } from "./support/ask-server.ts";
import { eventually } from "./support/eventually.ts";
import { soon } from "./support/soon.ts";
import { Visitor } from "./support/visitor.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

/** Let a handler change the rules of its server, wherever it runs, and answer how that went. */
function changeFromHandler(cell: Cell, { address }: RunningServer, options: string): Promise<unknown> {
  return askServer(cell, address, `change ${options}`);
}

describe.each(CELLS)("changeAdmission() by a handler of $name", (cell) => {
  const handler = cell.stream ? AskingHandler : AskingPacketHandler;

  test("is in force when it resolves", async () => {
    await using running = await serveIn(cell, handler, { maxConnectionsPerAddress: 7 });
    const change = '{ "maxConnections": 0, "maxAcceptRate": "Infinity", "denyAddresses": ["192.0.2.0/24"] }';
    expect(await changeFromHandler(cell, running, change)).toBe("changed");
    const changed = { maxConnections: 0, maxAcceptRate: Infinity, denyAddresses: ["192.0.2.0/24"] };
    expect(running.server.admission).toMatchObject({ ...changed, maxConnectionsPerAddress: 7 });
    await cell.provoke(running.address).catch(() => {
      // The reset may come before the client knows that it is connected.
    });
    await eventually(() => expect(running.drops).toMatchObject([{ reason: "max-connections" }]));
    await running.server.changeAdmission({ maxConnections: Infinity });
    expect(await changeFromHandler(cell, running, "{}")).toBe("changed");
  });

  test.each([
    ['{ "maxConnections": -1 }', "RangeError"],
    ['{ "maxConnections": 5, "denyAddresses": ["10.0.0.0/33"] }', "RangeError"],
    ['{ "denyAddresses": "10.0.0.0/8" }', "TypeError"],
    ['{ "backlog": 5 }', "TypeError"],
    ["7", "TypeError"],
    ["null", "TypeError"],
    ["a function", "TypeError"],
  ])("with %s rejects with a %s, and changes nothing", async (options, name) => {
    await using running = await serveIn(cell, handler, { maxConnections: 7 });
    const before = running.server.admission;
    const error = { name, code: "ERR_SOCKETSERVER_INVALID_OPTION" };
    expect(await changeFromHandler(cell, running, options)).toEqual(error);
    expect(running.server.admission).toBe(before);
    expect(running.errors).toEqual([]);
  });
});

describe.each(CELLS)("deny() by a handler of $name", (cell) => {
  const handler = cell.stream ? AskingHandler : AskingPacketHandler;

  test("adds addresses, subnets and its own client, each once", async () => {
    await using running = await serveIn(cell, handler, { denyAddresses: ["192.0.2.1"] });
    const { address, server } = running;
    expect(await askServer(cell, address, "deny 192.0.2.1 2001:db8::/32")).toBe("changed");
    expect(await askServer(cell, address, "deny 2001:db8::/32")).toBe("changed");
    expect(server.admission.denyAddresses).toEqual(["192.0.2.1", "2001:db8::/32"]);
    const refused = { name: "RangeError", code: "ERR_SOCKETSERVER_INVALID_OPTION" };
    expect(await askServer(cell, address, "deny 192.0.2.2 nonsense")).toEqual(refused);
    // A client of a Unix socket has no address.
    const isUnix = "path" in address;
    expect(await askServer(cell, address, "deny me")).toEqual(isUnix ? refused : "changed");
    const denied = ["192.0.2.1", "2001:db8::/32", ...(isUnix ? [] : ["127.0.0.1"])];
    expect(server.admission.denyAddresses).toEqual(denied);
    if (isUnix) return;
    await cell.provoke(address).catch(() => {});
    await eventually(() => expect(running.drops).toMatchObject([{ reason: "denied" }]));
  });
});

describe.each(SERVER_CELLS.filter(({ stream }) => stream))("changeAdmission() of $name, from outside", (cell) => {
  test("keeps those who come out, and leaves those alone who are inside", async () => {
    await using running = await serveIn(cell, AskingHandler);
    const inside = await Visitor.enter(running.address);
    await running.server.changeAdmission({ maxConnections: 0 });
    const outside = await Visitor.enter(running.address);
    expect(await outside.inside).toBe(false);
    outside.vanish();
    expect(await inside.ask("echo still here")).toBe("still here");
    await inside.leave();
    await eventually(() => expect(running.server.activeRequests).toBe(0));
    await running.server.changeAdmission({ maxConnections: 1 });
    const next = await Visitor.enter(running.address);
    expect(await next.inside).toBe(true);
    await next.leave();
  });
});

describe("changeAdmission()", () => {
  const serveWith = (options: AdmissionOptions): Promise<RunningServer> =>
    serve(AskingHandler, { server: AsyncTCPServer, options });

  test("can be called before the start", async () => {
    const server = new AsyncTCPServer({ port: 0 }, AskingHandler);
    await server.changeAdmission({ maxConnections: 0 });
    await server.listen();
    const served = server.serveForever();
    const visitor = await Visitor.enter(server.serverAddress);
    expect(await visitor.inside).toBe(false);
    visitor.vanish();
    await server.close();
    await served;
  });

  test("can be called while the server drains, and when it is closed, in vain", async () => {
    await using running = await serveWith({});
    await running.close();
    await running.server.changeAdmission({ maxConnections: 1 });
    expect(running.server.admission.maxConnections).toBe(1);
  });

  test("with more connections lets as many be served at once", async () => {
    await using running = await serveWith({ maxConnections: 1 });
    await running.server.changeAdmission({ maxConnections: 3 });
    const visitors: Visitor[] = [];
    for (let count = 0; count < 3; count++) visitors.push(await Visitor.come(running.address));
    expect(await soon(Promise.all(visitors.map(({ inside }) => inside)))).toEqual([true, true, true]);
    for (const visitor of visitors) await visitor.leave();
  });

  test("does not change the options that were given", async () => {
    await using running = await serveWith({ maxConnections: 7 });
    await running.server.changeAdmission({ maxConnections: 1 });
    expect(running.server.options.maxConnections).toBe(7);
  });

  test("lets everybody in again with allowAddresses of undefined", async () => {
    await using running = await serveWith({ allowAddresses: [] });
    const refused = await Visitor.enter(running.address);
    expect(await refused.inside).toBe(false);
    refused.vanish();
    await running.server.changeAdmission({ allowAddresses: undefined });
    const visitor = await Visitor.enter(running.address);
    expect(await visitor.inside).toBe(true);
    await visitor.leave();
  });

  test.each([[null], [undefined], [7], [{}]])("by deny(%j) rejects, and changes nothing", async (client) => {
    await using running = await serveWith({});
    const before = running.server.admission;
    await expect(running.server.deny(client as never)).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_INVALID_OPTION",
    });
    expect(running.server.admission).toBe(before);
  });

  test("of many callers at once applies all of them, the last one of each rule", async () => {
    await using running = await serveWith({});
    const { server } = running;
    await Promise.all([
      server.changeAdmission({ maxConnections: 3 }),
      server.changeAdmission({ maxConnectionsPerAddress: 4 }),
      server.changeAdmission({ maxConnections: 5 }),
    ]);
    expect(server.admission).toMatchObject({ maxConnections: 5, maxConnectionsPerAddress: 4 });
  });
});
