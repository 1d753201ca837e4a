import { program } from "../contestants/program.ts";
import { openLoop } from "../load/open-loop.ts";
import type { Question } from "../question.ts";

const REQUESTS_PER_SECOND = 2000;
const CONNECTIONS = 50;
const SIZE = 64;
/** Enough for a 99.9th percentile to be of a few requests, and for a few of the events, which come every 400 ms. */
const SECONDS = 2;

/** How late answers are, also while something happens to the server. */
export const latency: Question = {
  name: "latency",
  title:
    "Latency at 2 000 requests a second over 50 connections: calm, while a server drains, while a worker is replaced",
  notAnswered:
    "Latency at the limit, and over a network. A request counts from when it was due; what a connection that ended has left unanswered is " +
    "sent again on the next one, and still counts from when it was due. Every 400 ms a server is taken over and drained, or one of two threads crashes.",
  figures: [
    { name: "p99", unit: "ms until 99 % are answered", lessIsBetter: true },
    { name: "p50", unit: "ms until half are answered", lessIsBetter: true },
    { name: "p999", unit: "ms until 99.9 % are answered", lessIsBetter: true },
  ],
  contestants: [
    program({ name: "AsyncTCPServer", file: "async-echo.ts" }),
    program({ name: "AsyncTCPServer, taken over and drained", file: "successive-servers.ts" }),
    program({ name: "ThreadingTCPServer", file: "workers-echo.ts", args: ["threads"] }),
    program({ name: "ThreadingTCPServer, a worker is replaced", file: "crashing-threads.ts" }),
    program({ name: "bare net, data events", file: "net-data.ts" }),
    program({ name: "Go", file: "echo.go" }),
  ],
  goals: [],
  rounds: 3,
  async measure({ port }, effort) {
    const { p50, p99, p999 } = await openLoop(port, {
      requestsPerSecond: REQUESTS_PER_SECOND,
      seconds: SECONDS * Math.sqrt(effort),
      connections: CONNECTIONS,
      size: SIZE,
    });
    return { p99, p50, p999 };
  },
};
