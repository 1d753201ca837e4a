import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { Worker } from "node:worker_threads";
import { describe, expect, test, vi } from "vitest";

import { leakCheck } from "./leak-check.ts";

const HOLD = "setInterval(() => {}, 60_000)";

type Undo = () => unknown;

async function thread(): Promise<Undo> {
  const worker = new Worker(HOLD, { eval: true });
  await once(worker, "online");
  return () => worker.terminate();
}

async function unreferencedThread(): Promise<Undo> {
  const worker = new Worker(HOLD, { eval: true });
  worker.unref();
  return () => worker.terminate();
}

async function child(): Promise<Undo> {
  const sleeper = spawn(process.execPath, ["-e", HOLD], { stdio: "ignore" });
  return () => sleeper.kill();
}

async function listeningServer(): Promise<Undo> {
  const server = createServer().listen(0);
  await once(server, "listening");
  return () => server.close();
}

async function timer(): Promise<Undo> {
  const timeout = setTimeout(() => {}, 60_000);
  return () => clearTimeout(timeout);
}

describe("leakCheck()", () => {
  test.each([
    ["a thread", thread, "1 thread"],
    ["a thread with unref()", unreferencedThread, "1 thread"],
    ["a child", child, "ProcessWrap"],
    ["a server", listeningServer, "TCPServerWrap"],
    ["a timer", timer, "Timeout"],
  ])("sees %s, until it has ended", async (_what, open, told) => {
    const expectNothingLeft = leakCheck();
    const undo = await open();
    const left = await leftOver(expectNothingLeft);
    await undo();
    await expectNothingLeft();
    expect(left).toContain(told);
  });

  test("does not mind what was open before", async () => {
    const undo = await thread();
    await leakCheck()();
    await undo();
  });
});

/** What it tells, without its patience. */
async function leftOver(expectNothingLeft: () => Promise<void>): Promise<string> {
  const now = vi.spyOn(performance, "now").mockReturnValueOnce(-Infinity);
  try {
    return await expectNothingLeft().then(() => "nothing", String);
  } finally {
    now.mockRestore();
  }
}
