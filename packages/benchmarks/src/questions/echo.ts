import { program } from "../contestants/program.ts";
import { openConnections } from "../load/open-connections.ts";
import { roundTrips } from "../load/round-trips.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const REQUESTS = 50_000;
const CONNECTIONS = 50;
const BYTES = 64;

/** Each connection has a letter of its own, so that an answer on the wrong one is seen. */
const message = (index: number): Buffer => Buffer.alloc(BYTES, 97 + (index % 26));

/** What the framework adds to reading a few bytes and writing them. */
export const echo: Question = {
  name: "echo",
  title: "64 bytes there and back, one request at a time on each of 50 connections",
  notAnswered:
    "What a request costs that does something, or how the servers behave under more connections than that. The data events of bare net " +
    "know neither back-pressure nor time-outs.",
  figures: serverCost("request", "requests"),
  contestants: [
    program({ name: "AsyncTCPServer", file: "async-echo.ts" }),
    program({ name: "bare net, data events", file: "net-data.ts" }),
    program({ name: "bare net, for await", file: "net-for-await.ts" }),
    program({ name: "Python ThreadingTCPServer", file: "threading-echo.py" }),
    program({ name: "Python asyncio streams", file: "asyncio-echo.py" }),
    program({ name: "Python asyncio streams on uvloop", file: "asyncio-echo.py", args: ["uvloop"] }),
    program({ name: "Go", file: "echo.go" }),
    program({ name: "Bun", file: "bun-echo.ts", command: ["bun"] }),
    program({ name: "C, epoll", file: "epoll-echo.c" }),
  ],
  goals: [
    { against: "bare net, data events", figure: "cpu", atMost: 1, quickAtMost: 1.35 },
    // Wider than other goals: where system calls are dear, both pay mostly for the same ones, and even C needs half of what Python does.
    { against: "Python ThreadingTCPServer", figure: "cpu", atMost: 0.35, quickAtMost: 0.95 },
  ],
  async measure(running, effort) {
    const times = Math.ceil(REQUESTS * effort);
    await using connections = await openConnections(running.port, CONNECTIONS);
    return await cost(running, times, () => roundTrips(connections, { times, message }));
  },
};
