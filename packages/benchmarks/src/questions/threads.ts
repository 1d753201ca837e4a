import { program } from "../contestants/program.ts";
import { connects } from "../load/connects.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const CONNECTIONS = 5000;
const AT_ONCE = 8;

/** Python's share of them: each costs more, so that fewer are enough. */
const PYTHON_SHARE = 0.4;

/** What it costs to hand a connection to a thread. */
export const threads: Question = {
  name: "threads",
  title: "Connect, 64 bytes there and back, close: in one worker thread",
  notAnswered: "What more threads do at the same time, and what is gained when handlers compute.",
  figures: serverCost("connection", "connections"),
  contestants: [
    program({ name: "ThreadingTCPServer", file: "workers-echo.ts", args: ["threads"] }),
    program({ name: "transfer written by hand", file: "hand-written-threads.ts" }),
    program({ name: "Python ThreadingTCPServer", file: "threading-echo.py" }),
  ],
  goals: [{ against: "transfer written by hand", figure: "cpu", atMost: 1.15, quickAtMost: 2.8 }],
  measure(running, effort, { name }) {
    const share = name.startsWith("Python") ? PYTHON_SHARE : 1;
    const connections = Math.ceil(CONNECTIONS * effort * share);
    return cost(running, connections, () => connects(running.port, { connections, atOnce: AT_ONCE }));
  },
};
