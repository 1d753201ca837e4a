import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect } from "vitest";

import type { Concurrency } from "../conformance/matrix.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { ALL_WAYS, threat } from "../support/program-threat.ts";
import { BRIEFLY_MS } from "../support/threat-clients.ts";

/** File descriptors of the program, and clients, who are more. */
const DESCRIPTORS = 96;
const FLOOD = 150;

/** What comes sooner is taken for a copy of the same signal. */
const ANOTHER_SIGNAL_MS = 300;

/** Clients that do something wrong, each of two kinds, and a line that is too long. */
const FAULTS = 10;
const TOO_LONG = 100_000;

/** What the setup of a worker of the present program is told. */
const directory = mkdtempSync(join(tmpdir(), "socketserver-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let programs = 0;
const mood = (): string => join(directory, String(programs));

/** The only worker, and how many replacements in a row may fail to start. */
function startAttempts(attempts: number): (concurrency: Concurrency) => object {
  return (concurrency) => {
    programs++;
    const size = concurrency === "threading" ? { threads: 1 } : { processes: 1 };
    return { mood: { file: mood() }, [concurrency]: { ...size, startAttempts: attempts } };
  };
}

/** The lines that match. */
function count(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line) => pattern.test(line)).length;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

threat("clients without end, until no file descriptor is left", {
  concurrency: ALL_WAYS,
  maxDescriptors: DESCRIPTORS,
  attack: async ({ clients }) => {
    const first = await clients.connect();
    expect(await ask(first, "file")).toBe("opened");
    await clients.flood(FLOOD);
    // Some are still on their way to a worker.
    await delay(2 * BRIEFLY_MS);
    return first;
  },
  met: {
    outcome: async ({ program, clients, spoils: first }) => {
      await program.line(/^drop descriptors$/);
      expect(await ask(first, "file")).toBe("opened");
      // Once for each time that they run out: in workers it is more than once, because each connection takes one here on its way.
      expect(count(program.lines, /^acceptError/)).toBeLessThan(count(program.lines, /^drop/) / 3);
      expect(program.lines).toContain("acceptError EMFILE");
      clients.leave();
      await eventually(async () => expect(await clients.honest()).toBe("answered"));
    },
  },
  switchedOff: {
    options: { reservedDescriptors: 0 },
    outcome: async ({ program, spoils: first }) => {
      expect(await ask(first, "file")).toBe("EMFILE");
      expect(program.lines).toHaveLength(1);
    },
  },
});

threat("a worker that cannot start again", {
  concurrency: ["threading", "forking"],
  attack: async ({ clients }) => {
    writeFileSync(mood(), "throws");
    await (await clients.connect()).sendAll("exit\n");
  },
  met: {
    options: startAttempts(2),
    // So that whoever looks after the program can start it anew.
    outcome: async ({ program }) => {
      const stderr = expect.stringContaining("ERR_SOCKETSERVER_WORKERS_FAILED");
      expect(await program.end()).toMatchObject({ code: 1, stderr });
    },
  },
  switchedOff: {
    options: startAttempts(1_000_000),
    outcome: async ({ program, clients }) => {
      // Whoever comes while the worker is just ending may be lost with it; then there is time for some attempts.
      await eventually(async () => expect(await clients.honest(3 * BRIEFLY_MS)).toBe("unanswered"));
      expect(program.lines).toHaveLength(1);
    },
  },
});

threat("a handler that never settles, and an operator who cannot wait", {
  concurrency: ALL_WAYS,
  attack: async ({ program, clients }) => {
    const client = await clients.connect();
    await client.sendAll("hello\nhang\n");
    expect(String(await client.recvExactly(6))).toBe("hello\n");
    void program.end("SIGTERM");
  },
  met: {
    options: { graceMs: 60_000 },
    outcome: async ({ program }) => {
      await program.line(/^draining$/);
      await delay(ANOTHER_SIGNAL_MS);
      expect(await program.end("SIGTERM")).toMatchObject({ code: 0 });
    },
  },
  lacking: {
    program: "waits for others",
    outcome: async ({ program }) => {
      const ended = program.end("SIGTERM").then(() => "ended");
      expect(await Promise.race([ended, delay(2 * BRIEFLY_MS, "waiting")])).toBe("waiting");
    },
  },
});

threat("a program that is killed, and its workers with it", {
  concurrency: ["forking"],
  attack: async ({ program, clients }) => {
    const pid = Number(await ask(await clients.connect(), "pid"));
    expect(isRunning(pid)).toBe(true);
    await program.end("SIGKILL");
    return pid;
  },
  met: {
    outcome: async ({ spoils: pid }) => eventually(() => expect(isRunning(pid)).toBe(false)),
  },
  lacking: {
    program: "forks a worker",
    outcome: async ({ spoils: pid }) => {
      await delay(BRIEFLY_MS);
      expect(isRunning(pid)).toBe(true);
      process.kill(pid, "SIGKILL");
    },
  },
});

threat("clients whose faults would fill a log", {
  concurrency: ALL_WAYS,
  attack: async ({ program, clients }) => {
    for (let index = 0; index < FAULTS; index++) {
      const [rude, verbose] = [await clients.connect(), await clients.connect()];
      await rude.sendAll("hello\n");
      await rude.recv();
      await verbose.sendAll(Buffer.alloc(TOO_LONG, "x")).catch(() => undefined);
      for (const client of [rude, verbose]) client.abort();
    }
    expect(await clients.honest()).toBe("answered");
    return program.end("SIGTERM");
  },
  met: {
    outcome: async ({ spoils: end }) => expect(end).toMatchObject({ code: 0, stderr: "" }),
  },
  lacking: {
    program: "logs what peers do",
    outcome: async ({ spoils: { stderr } }) => {
      expect(count(stderr.split("\n"), /^Error.*ECONNRESET/)).toBeGreaterThanOrEqual(FAULTS);
    },
  },
});
