import { join } from "node:path";

import { program } from "../contestants/program.ts";
import { IdleConnections, mostConnections } from "../load/idle-connections.ts";
import { settledMemory } from "../measure/settled-memory.ts";
import type { Question } from "../question.ts";

const CONNECTIONS = 5000;

/** They are open before it is measured: code that has not run yet is not there yet, and a heap that was just begun has room that costs nothing. */
const FIRST_SHARE = 0.4;

/** With room for little garbage, lest that room be measured: it doubles when much is made at once, and stays. */
const YOUNG_GENERATION = "--max-semi-space-size=1";
const COLLECTING = join(import.meta.dirname, "../contestants/collecting.ts");
const NODE = ["node", "--expose-gc", YOUNG_GENERATION, "--import", COLLECTING];

/** What a connection takes that says nothing. */
export const memory: Question = {
  name: "memory",
  title: "Memory of a connection that is idle, of 5 000 that each were answered once",
  notAnswered:
    "What the kernel keeps for a socket, and what a busy connection takes. In Node garbage is collected before it is measured. A quick run " +
    "has fewer connections, and so has a machine that allows fewer open files.",
  figures: [{ name: "memory", unit: "bytes a connection", lessIsBetter: true }],
  contestants: [
    program({ name: "AsyncTCPServer", file: "async-echo.ts", command: NODE }),
    program({ name: "bare net, data events", file: "net-data.ts", command: NODE }),
    program({ name: "Python ThreadingTCPServer", file: "threading-echo.py" }),
    program({ name: "Python asyncio", file: "asyncio-echo.py" }),
    program({ name: "Go", file: "echo.go" }),
  ],
  goals: [{ against: "bare net, data events", figure: "memory", atMost: 1.4, quickAtMost: 5.5 }],
  fresh: true,
  rounds: 3,
  async measure({ pid, port }, effort) {
    // Few would say more of the steps in which a heap grows than of what a connection takes.
    const count = Math.min(Math.ceil(CONNECTIONS * Math.sqrt(effort)), mostConnections());
    const first = Math.ceil(count * FIRST_SHARE);
    await using some = await IdleConnections.open(port, first);
    const before = await settledMemory(pid);
    await using more = await IdleConnections.open(port, count - first);
    const after = await settledMemory(pid);
    const open = some.size + more.size;
    if (open < count) throw new Error(`Cannot measure memory: only ${open} of ${count} connections stayed open`);
    return { memory: (after - before) / (count - first) };
  },
};
