import { program } from "../contestants/program.ts";
import { openConnections } from "../load/open-connections.ts";
import { roundTrips } from "../load/round-trips.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const REQUESTS = 40_000;
const CONNECTIONS = 50;
const BYTES = 64;

/** Each connection has a letter of its own, so that an answer on the wrong one is seen. */
const message = (index: number): Buffer =>
  Buffer.from(`${String.fromCodePoint(97 + (index % 26)).repeat(BYTES - 1)}\n`);

/** What a protocol of lines costs, spoken one line at a time. */
export const lines: Question = {
  name: "lines",
  title: "A line of 64 bytes there and back, one at a time on each of 50 connections",
  notAnswered: "What longer lines cost, or lines that come in pieces: each of these arrives whole.",
  figures: serverCost("line", "lines"),
  contestants: [
    program({ name: "AsyncTCPServer, rfile and wfile", file: "async-lines.ts" }),
    program({ name: "bare net, readline", file: "net-readline.ts", args: ["event"] }),
    program({ name: "bare net, readline, for await", file: "net-readline.ts", args: ["iterate"] }),
    program({ name: "Python ThreadingTCPServer, rfile and wfile", file: "threading-lines.py" }),
  ],
  goals: [{ against: "bare net, readline", figure: "cpu", atMost: 0.8, quickAtMost: 1.5 }],
  async measure(running, effort) {
    const times = Math.ceil(REQUESTS * effort);
    await using connections = await openConnections(running.port, CONNECTIONS);
    return await cost(running, times, () => roundTrips(connections, { times, message }));
  },
};
