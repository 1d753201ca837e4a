import { program } from "../contestants/program.ts";
import { connects } from "../load/connects.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const CONNECTIONS = 6000;
const AT_ONCE = 8;

/** What a connection costs from its first to its last moment. */
export const connect: Question = {
  name: "connect",
  title: "Connect, 64 bytes there and back, close; 8 clients at once",
  notAnswered: "What a client costs that resets, or never ends: this one ends first, and in good order.",
  figures: serverCost("connection", "connections"),
  contestants: [
    program({ name: "AsyncTCPServer", file: "async-echo.ts" }),
    program({ name: "bare net, data events", file: "net-data.ts" }),
    program({ name: "Python ThreadingTCPServer", file: "threading-echo.py" }),
  ],
  goals: [{ against: "bare net, data events", figure: "cpu", atMost: 1.3, quickAtMost: 1.8 }],
  measure(running, effort) {
    const connections = Math.ceil(CONNECTIONS * effort);
    return cost(running, connections, () => connects(running.port, { connections, atOnce: AT_ONCE }));
  },
};
