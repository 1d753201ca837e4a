import { leakCheck, serve, talk, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { appendFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";

import {
  NotingAsyncTCPServer,
  NotingForkingTCPServer,
  NotingHandler,
  NotingTCPServer,
  NotingThreadingTCPServer,
} from "../../packages/core/test/fixtures/noting-servers.ts";
import { temporaryPath } from "../../packages/core/test/support/temporary-path.ts";
import { TracedAsyncServer, TracedHandler, TracedServer, type Fault } from "../../packages/core/test/support/traced.ts";
import { LIFE } from "./life-of-a-connection.ts";

/** What a server can tell of: moments are nobody's call, and `getRequest` is about none yet. */
const TOLD = LIFE.filter(({ kind, name }) => kind !== "moment" && name !== "getRequest");

const FAILING = LIFE.filter(({ failure }) => failure !== undefined);

/** The hooks that `verifyTimeoutMs` bounds. */
const HANGING = FAILING.filter(
  ({ name, kind }) => kind === "server" && !["processRequest", "finishRequest"].includes(name),
);

const EVENTS = ["request", "requestClosed"] as const;

beforeEach(() => leakCheck());

/** Serve one connection, and answer each hook and event of it with the side it was on, in the order in which they came. */
async function lifeWith(server: AnyServerClass, workers: object): Promise<string[]> {
  const file = await temporaryPath("life");
  const running = await serve(NotingHandler, {
    server,
    options: { trace: { file, pid: process.pid }, ...workers },
  });
  for (const event of EVENTS) running.server.on(event, () => appendFileSync(file, `listener ${event}\n`));
  expect(String(await talk(running.address, "hello"))).toBe("hello");
  await running.closedCount(1);
  await running.close();
  return (await readFile(file, "utf8")).trim().split("\n");
}

describe("LIFE", () => {
  test.each([
    ["plain", NotingTCPServer, "listener", {}],
    ["async", NotingAsyncTCPServer, "listener", {}],
    ["threads", NotingThreadingTCPServer, "worker", { threading: { threads: 1 } }],
    ["processes", NotingForkingTCPServer, "worker", { forking: { processes: 1 } }],
  ] as const)("is what a connection lives through: %s", async (_name, server, handlerSide, workers) => {
    const expected = TOLD.map(({ name, side }) => `${side === "handler" ? handlerSide : side} ${name}`);
    expect(await lifeWith(server as never, workers)).toEqual(expected);
  });

  describe.each([
    ["plain", TracedServer],
    ["async", TracedAsyncServer],
  ] as const)("%s", (_name, server) => {
    async function callsAfter(fault: Fault, name: string): Promise<{ calls: string[]; reason: string | undefined }> {
      const running: RunningServer<TracedServer> = await serve(TracedHandler, {
        server,
        options: { verifyTimeoutMs: 50, lingerMs: 50, deadlineMs: 200, graceMs: 0 },
      });
      const { trace } = running.server;
      trace.follow({ faults: { [name]: fault } });
      await talk(running.address, "hello").catch(() => {});
      await running.closedCount(1);
      await running.close();
      const calls = trace.calls.slice(trace.calls.indexOf(name) + 1);
      return {
        calls: calls.filter(
          (call) => LIFE.some((step) => step.name === call && call !== "getRequest") || call === "handleError",
        ),
        reason: running.closedRequests[0]?.reason,
      };
    }

    test.each(FAILING)("tells what follows when $name throws", async ({ name, failure }) => {
      expect(await callsAfter("throws", name)).toEqual(failure);
    });

    test.each(HANGING)("tells what follows when $name never settles", async ({ name, failure }) => {
      expect(await callsAfter("hangs", name)).toEqual(failure);
    });

    test.each(["finishRequest", "setup", "handle", "finish"])(
      "ends at the deadline when %s never settles",
      async (name) => {
        expect(await callsAfter("hangs", name)).toEqual({ calls: ["closeRequest"], reason: "deadline" });
      },
    );
  });
});

describe("the guide", () => {
  test("tells of each hook in its order, and of the close reason when it fails", async () => {
    const guide = await readFile(join(import.meta.dirname, "../guides/life-of-a-connection.md"), "utf8");
    const rows = [...guide.matchAll(/^\| `(\w+)` \|.*\| *(?:`([\w-]+)`)? \|$/gm)].map(([, name, reason]) => ({
      name,
      reason,
    }));
    const hooks = LIFE.filter(({ kind }) => kind === "server" || kind === "handler");
    expect(rows).toEqual(hooks.map(({ name, failure }) => ({ name, reason: failure?.reason })));
  });
});
