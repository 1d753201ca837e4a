import { program } from "../contestants/program.ts";
import { connects } from "../load/connects.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const CONNECTIONS = 3000;
const AT_ONCE = 8;

/** Python's share of them: each is a process, so that fewer are enough. */
const PYTHON_SHARE = 0.1;

/** What it costs to hand a connection to a child process. */
export const processes: Question = {
  name: "processes",
  title: "Connect, 64 bytes there and back, close: in one child process",
  notAnswered:
    "What more processes do at the same time. Python forks one for each connection; the others have one that stays, and what is " +
    "written by hand loses connections when that ends.",
  figures: serverCost("connection", "connections"),
  contestants: [
    program({ name: "ForkingTCPServer", file: "workers-echo.ts", args: ["processes"] }),
    program({ name: "send written by hand", file: "hand-written-processes.ts" }),
    program({ name: "Python ForkingTCPServer", file: "forking-echo.py" }),
  ],
  goals: [],
  measure(running, effort, { name }) {
    const share = name.startsWith("Python") ? PYTHON_SHARE : 1;
    const connections = Math.ceil(CONNECTIONS * effort * share);
    return cost(running, connections, () => connects(running.port, { connections, atOnce: AT_ONCE }));
  },
};
