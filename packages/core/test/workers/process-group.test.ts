import type { Connection } from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { ProgramGroup } from "../support/program-group.ts";

const PROGRAM = "process-group-program.ts";

/** Two signals that come more closely are one. */
const ANOTHER_SIGNAL_MS = 300;

beforeEach(() => leakCheck());

/** Clients of the program, each held by another of its two children in turn, and the children. */
async function clientsOf(program: ProgramGroup, count: number): Promise<{ clients: Connection[]; pids: number[] }> {
  const clients: Connection[] = [];
  const pids: number[] = [];
  const address = await program.address();
  for (let index = 0; index < count; index++) {
    const client = await dial(address);
    pids.push(Number.parseInt(await ask(client, "where")));
    clients.push(client);
  }
  return { clients, pids };
}

async function reportOf(program: ProgramGroup): Promise<unknown> {
  const [, report = ""] = await program.line(/^closed (.*)$/);
  return JSON.parse(report);
}

describe("A program with worker processes", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("ends its requests in peace when %s reaches its group", async (signal) => {
    await using program = new ProgramGroup(PROGRAM);
    const { clients, pids } = await clientsOf(program, 3);
    const [working, alsoWorking, idle] = clients as [Connection, Connection, Connection];
    expect(new Set(program.members)).toEqual(new Set([program.pid, ...pids]));
    expect(program.members).toHaveLength(3);
    expect(await ask(working, "work 500")).toBe("working");
    expect(await ask(alsoWorking, "work 700")).toBe("working");
    program.signal(signal);
    expect(await idle.recv()).toHaveLength(0);
    await idle.close();
    for (const client of [working, alsoWorking]) {
      expect(String(await client.recv())).toBe("worked\n");
      expect(await client.recv()).toHaveLength(0);
      await client.close();
    }
    expect(await reportOf(program)).toMatchObject({ open: 3, finished: 3, cut: [], neverSettled: 0 });
    expect(await program.exit()).toBe(0);
    await program.line(/^served, closed$/);
    expect(program.lines.filter((line) => line.startsWith("worker")).toSorted()).toEqual([
      "worker 1 exited as it should",
      "worker 2 exited as it should",
    ]);
    expect(program.stderr).toBe("");
    await eventually(() => expect(program.members).toEqual([]));
  });

  test("cuts its requests at the second Ctrl-C, whatever its children do", async () => {
    await using program = new ProgramGroup(PROGRAM);
    const { clients } = await clientsOf(program, 3);
    const [insisting, burning, idle] = clients as [Connection, Connection, Connection];
    expect(await ask(insisting, "insist")).toBe("insisting");
    expect(await ask(burning, "burn")).toBe("burning");
    program.signal("SIGINT");
    expect(await idle.recv()).toHaveLength(0);
    await idle.close();
    await delay(ANOTHER_SIGNAL_MS);
    expect(program.lines.at(-1)).toBe("draining");
    program.signal("SIGINT");
    await expect(insisting.recv()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await reportOf(program)).toMatchObject({ open: 3, finished: 1, cut: [{ id: 1 }, { id: 2 }] });
    expect(await program.exit()).toBe(0);
    await eventually(() => expect(program.members).toEqual([]));
    expect(program.stderr).toBe("");
    insisting.abort();
    burning.abort();
  });

  test.each([
    ["is killed", (program: ProgramGroup) => process.kill(program.pid, "SIGKILL"), "SIGKILL"],
    ["loses its terminal", (program: ProgramGroup) => program.signal("SIGHUP"), "SIGHUP"],
  ])("takes its children with it when it %s, also one that computes for ever", async (_name, end, signal) => {
    await using program = new ProgramGroup(PROGRAM);
    const { clients, pids } = await clientsOf(program, 2);
    const [idle, burning] = clients as [Connection, Connection];
    expect(new Set(pids).size).toBe(2);
    expect(await ask(burning, "burn")).toBe("burning");
    end(program);
    expect(await program.exit()).toBe(signal);
    await eventually(() => expect(program.members).toEqual([]));
    for (const client of [idle, burning]) {
      await client.recv().catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" }));
      client.abort();
    }
  });

  test("gives its children its arguments, its environment and its output", async () => {
    await using program = new ProgramGroup(PROGRAM, {
      execArgv: ["--stack-trace-limit=7"],
      args: ["one", "--two"],
      environment: { SOCKETSERVER_TEST_MARK: "passed on" },
    });
    const { clients, pids } = await clientsOf(program, 2);
    for (const [index, client] of clients.entries()) {
      expect(pids[index]).not.toBe(program.pid);
      expect(JSON.parse(await ask(client, "inheritance"))).toEqual({
        argv: ["one", "--two"],
        execArgv: ["--stack-trace-limit=7"],
        mark: "passed on",
      });
      await client.sendAll(`print by-child-${index}\n`);
      await program.line(new RegExp(`^by-child-${index}$`));
      await client.close();
    }
    program.signal("SIGTERM");
    expect(await program.exit()).toBe(0);
  });

  test("keeps a child that a stranger sends a signal which is for programs", async () => {
    await using program = new ProgramGroup(PROGRAM);
    const { clients, pids } = await clientsOf(program, 2);
    const [client, other] = clients as [Connection, Connection];
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.kill(pids[0] as number, signal);
      expect(await ask(client, "work 50")).toBe("working");
      expect(String(await client.recv())).toBe("worked\n");
    }
    expect(Number.parseInt(await ask(client, "where"))).toBe(pids[0]);
    expect(Number.parseInt(await ask(other, "where"))).toBe(pids[1]);
    expect(program.lines).toHaveLength(1);
    await Promise.all(clients.map((each) => each.close()));
    program.signal("SIGINT");
    expect(await program.exit()).toBe(0);
  });
});
