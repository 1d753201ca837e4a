import { leakCheck, serve, talk, talkDatagram, type AnyServerClass, type RunningServer } from "@socketserver/testing";
import { readFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";

import {
  NotingForkingTCPServer,
  NotingForkingUDPServer,
  NotingForkingUnixStreamServer,
  NotingHandler,
  NotingThreadingTCPServer,
  NotingThreadingUDPServer,
  NotingThreadingUnixStreamServer,
} from "./fixtures/noting-servers.ts";
import { sendDatagram } from "./support/send-datagram.ts";
import { temporaryPath } from "./support/temporary-path.ts";
import { TracedAsyncServer, TracedHandler, TracedServer, type Fault, type Plan } from "./support/traced.ts";

/** The words of one request that all goes well for, in Python's order. */
const WHOLE_LIFE = [
  "verifyRequest",
  "processRequest",
  "prepareRequest",
  "authorizeRequest",
  "finishRequest",
  "setup",
  "handle",
  "finish",
  "shutdownRequest",
  "closeRequest",
];

/** What each word leads to when it fails: the calls from there on, and the close reason. */
const AFTER: Readonly<Record<string, { readonly calls: readonly string[]; readonly reason: string }>> = {
  verifyRequest: { calls: ["handleError", "shutdownRequest", "closeRequest"], reason: "refused" },
  processRequest: { calls: ["handleError", "shutdownRequest", "closeRequest"], reason: "handler-error" },
  prepareRequest: { calls: ["handleError", "shutdownRequest", "closeRequest"], reason: "handler-error" },
  authorizeRequest: { calls: ["handleError", "shutdownRequest", "closeRequest"], reason: "unauthorized" },
  finishRequest: { calls: ["handleError", "shutdownRequest", "closeRequest"], reason: "handler-error" },
  setup: { calls: ["handleError", "shutdownRequest", "closeRequest"], reason: "handler-error" },
  handle: { calls: ["finish", "handleError", "shutdownRequest", "closeRequest"], reason: "handler-error" },
  finish: { calls: ["handleError", "shutdownRequest", "closeRequest"], reason: "handler-error" },
  shutdownRequest: { calls: ["closeRequest"], reason: "done" },
  closeRequest: { calls: [], reason: "done" },
};

/** Short, so that a hook that hangs is given up soon; no test depends on how soon. */
const options = { verifyTimeoutMs: 50, lingerMs: 50 };

/** Words between two requests are not part of either one's life. */
function lifeOf(calls: readonly string[]): string[] {
  return calls.filter((word) => !["getRequest", "serviceActions", "serverActivate", "serverStop"].includes(word));
}

describe.each([
  ["TCPServer", TracedServer],
  ["AsyncMixIn(TCPServer)", TracedAsyncServer],
] as const)("the life of a request of %s", (_name, server) => {
  let expectNothingLeft: () => Promise<void>;

  beforeEach(() => {
    expectNothingLeft = leakCheck();
  });

  async function start(plan: Plan, extra: object = {}): Promise<RunningServer<TracedServer>> {
    const running = (await serve(TracedHandler, {
      server: server,
      options: { ...options, ...extra },
    })) as never;
    (running as RunningServer<TracedServer>).server.trace.follow(plan);
    return running;
  }

  /** The server has survived if it serves the next client. */
  async function expectService(running: RunningServer<TracedServer>): Promise<void> {
    expect(String(await talk(running.address, "again"))).toBe("again");
  }

  test("follows Python's order", async () => {
    await using running = await start({});
    expect(String(await talk(running.address, "hello"))).toBe("hello");
    await running.closedCount(1);
    await running.close();
    const { calls } = running.server.trace;
    expect(lifeOf(calls)).toEqual(WHOLE_LIFE);
    expect(calls[0]).toBe("serverActivate");
    expect(calls.indexOf("getRequest")).toBeLessThan(calls.indexOf("verifyRequest"));
    expect(calls.indexOf("serviceActions")).toBeGreaterThan(calls.indexOf("processRequest"));
    expect(calls.at(-1)).toBe("serverStop");
    expect(running.errors).toEqual([]);
    await expectNothingLeft();
  });

  test("ends after verifyRequest answers false, without a handler and without an error", async () => {
    await using running = await start({ verify: false });
    expect(String(await talk(running.address, "hello"))).toBe("");
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ reason: "refused" });
    expect(lifeOf(running.server.trace.calls)).toEqual(["verifyRequest", "shutdownRequest", "closeRequest"]);
    await running.close();
    await expectNothingLeft();
  });

  test("ends after authorizeRequest answers false, without a handler and without an error", async () => {
    await using running = await start({ authorize: false });
    expect(String(await talk(running.address, "hello"))).toBe("");
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ reason: "unauthorized" });
    expect(lifeOf(running.server.trace.calls)).toEqual([...WHOLE_LIFE.slice(0, 4), "shutdownRequest", "closeRequest"]);
    await running.close();
    await expectNothingLeft();
  });

  test.each(Object.entries(AFTER))(
    "goes on as documented when %s throws, and the next request is served",
    async (word, after) => {
      await using running = await start({ faults: { [word]: "throws" } });
      await talk(running.address, "hello");
      const [closed] = await running.closedCount(1);
      const calls = lifeOf(running.server.trace.calls);
      expect(calls).toEqual([...WHOLE_LIFE.slice(0, WHOLE_LIFE.indexOf(word) + 1), ...after.calls]);
      expect(closed).toMatchObject({ reason: after.reason });
      expect(running.errors).toEqual([expect.objectContaining({ message: `${word} fails` })]);
      await expectService(running);
      await running.close();
      expect(running.closedRequests).toHaveLength(2);
      await expectNothingLeft();
    },
  );

  test("reports both errors when handleError throws, and closes the request", async () => {
    await using running = await start({ faults: { handle: "throws", handleError: "throws" } });
    await talk(running.address, "hello");
    const [closed] = await running.closedCount(1);
    expect(closed).toMatchObject({ reason: "handler-error" });
    expect(lifeOf(running.server.trace.calls).slice(-3)).toEqual(["handleError", "shutdownRequest", "closeRequest"]);
    expect(running.errors).toEqual([expect.objectContaining({ message: "handleError fails" })]);
    await expectService(running);
    await running.close();
    await expectNothingLeft();
  });

  test.each(["getRequest", "serviceActions"])("survives a %s that throws", async (word) => {
    await using running = await start({ faults: { [word]: "throws" } });
    await expectService(running);
    await expectService(running);
    await running.close();
    await expectNothingLeft();
  });

  test.each([
    "verifyRequest",
    "prepareRequest",
    "authorizeRequest",
    "handleError",
    "shutdownRequest",
    "closeRequest",
    "serviceActions",
  ])("gives up waiting for a %s that never settles, and the next request is served", async (word) => {
    const faults: Record<string, Fault> = { [word]: "hangs" };
    if (word === "handleError") faults["handle"] = "throws";
    await using running = await start({ faults });
    await talk(running.address, "hello");
    await running.closedCount(1);
    await expectService(running);
    await running.close();
    expect(running.server.trace.calls.filter((call) => call === "closeRequest")).toHaveLength(2);
    if (word !== "handleError") {
      expect(running.errors).toEqual([expect.objectContaining({ code: "ERR_SOCKETSERVER_HOOK_TIMEOUT" })]);
    }
    await expectNothingLeft();
  });

  test.each(["finishRequest", "setup", "handle", "finish"])(
    "ends at its deadline when %s never settles",
    async (word) => {
      await using running = await start({ faults: { [word]: "hangs" } }, { deadlineMs: 100 });
      await talk(running.address, "hello").catch(() => "reset");
      const [closed] = await running.closedCount(1);
      expect(closed).toMatchObject({ reason: "deadline" });
      await expectService(running);
      const report = await running.close({ graceMs: 100 });
      expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: 1 });
      expect(running.server.trace.calls.filter((call) => call === "closeRequest")).toHaveLength(2);
      await expectNothingLeft();
    },
  );

  test.each(["processRequest", "finishRequest", "setup", "handle", "finish"])(
    "does not hold close() up when %s never settles",
    async (word) => {
      await using running = await start({ faults: { [word]: "hangs" } });
      const answer = talk(running.address, "hello").catch(() => "reset");
      await new Promise((resolve) => running.server.once("request", resolve));
      const report = await running.close({ graceMs: 50 });
      // Where no handler was begun, none is left behind.
      const settled = word === "processRequest";
      expect(report).toMatchObject({ open: 1, finished: 0, neverSettled: settled ? 0 : 1 });
      expect(report.cut).toMatchObject([{ id: 1, settled }]);
      expect(running.closedRequests).toMatchObject([{ reason: "drain" }]);
      expect(running.server.trace.calls.filter((call) => call === "closeRequest")).toHaveLength(1);
      await answer;
      await expectNothingLeft();
    },
  );

  test("gives up a serverStop that never settles", async () => {
    await using running = await start({ faults: { serverStop: "hangs" } });
    await expectService(running);
    await running.close();
    expect(running.server.state).toBe("closed");
    expect(running.errors).toEqual([expect.objectContaining({ code: "ERR_SOCKETSERVER_HOOK_TIMEOUT" })]);
    await expectNothingLeft();
  });

  test("rejects listen() and calls serverStop when serverActivate throws, and can be tried again", async () => {
    const traced = new server({ port: 0 }, TracedHandler);
    traced.trace.follow({ faults: { serverActivate: "throws" } });
    await expect(traced.listen()).rejects.toThrow("serverActivate fails");
    expect(traced.trace.calls).toEqual(["serverActivate", "serverStop"]);
    await traced.listen();
    await traced.close();
    await expectNothingLeft();
  });
});

describe.each([
  ["ThreadingMixIn(TCPServer)", NotingThreadingTCPServer, "threading", false],
  ["ThreadingMixIn(TCPServer), relayed", NotingThreadingTCPServer, "threading", true],
  ["ThreadingMixIn(UDPServer)", NotingThreadingUDPServer, "threading", false],
  ["ThreadingMixIn(UnixStreamServer)", NotingThreadingUnixStreamServer, "threading", false],
  ["ForkingMixIn(TCPServer)", NotingForkingTCPServer, "forking", false],
  ["ForkingMixIn(TCPServer), relayed", NotingForkingTCPServer, "forking", true],
  ["ForkingMixIn(UDPServer)", NotingForkingUDPServer, "forking", false],
  ["ForkingMixIn(UnixStreamServer)", NotingForkingUnixStreamServer, "forking", false],
] as const)("the life of a request of %s", (name, server, key, relay) => {
  const LISTENER_SIDE = new Set(["verifyRequest", "processRequest"]);
  beforeEach(() => leakCheck());

  /** Ask for one echo; the answer, and the words in their order, with the side that called each. */
  async function trace(verify: boolean): Promise<{ readonly answer: string; readonly words: readonly string[] }> {
    const file = await temporaryPath("trace");
    const workers = key === "forking" ? { processes: 1, relay } : { threads: 1, relay };
    const traced = { [key]: workers, trace: { file, pid: process.pid, verify } };
    const address = name.includes("Unix") ? { path: await temporaryPath() } : { port: 0 };
    const running = await serve(NotingHandler, {
      server: server as unknown as AnyServerClass,
      address,
      options: traced,
    });
    const ask = name.includes("UDP") && verify ? talkDatagram : talk;
    const answer =
      name.includes("UDP") && !verify
        ? await sendDatagram(running.address, "hello").then(() => "")
        : String(await ask(running.address, "hello"));
    await running.closedCount(1);
    await running.close();
    expect(running.errors).toEqual([]);
    return { answer, words: (await readFile(file, "utf8")).trim().split("\n") };
  }

  test("follows Python's order, each word on its side and once", async () => {
    const { answer, words } = await trace(true);
    expect(answer).toBe("hello");
    expect(words).toEqual(WHOLE_LIFE.map((word) => `${LISTENER_SIDE.has(word) ? "listener" : "worker"} ${word}`));
  });

  test("ends on the listener side after verifyRequest answers false", async () => {
    const { answer, words } = await trace(false);
    expect(answer).toBe("");
    expect(words).toEqual(["verifyRequest", "shutdownRequest", "closeRequest"].map((word) => `listener ${word}`));
  });
});
