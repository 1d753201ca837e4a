import { program } from "../contestants/program.ts";
import { openConnections } from "../load/open-connections.ts";
import { roundTrips } from "../load/round-trips.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const LINES = 120_000;
const DEEP = 16;
const CONNECTIONS = 50;
const BYTES = 64;

/** Sixteen lines, each of another letter, so that their order is seen. */
const message = (index: number): Buffer => {
  const letters = Array.from({ length: DEEP }, (_, line) => String.fromCodePoint(97 + ((index + line) % 26)));
  return Buffer.from(letters.map((letter) => `${letter.repeat(BYTES - 1)}\n`).join(""));
};

/** What is saved where a client does not wait for each answer. */
export const pipelined: Question = {
  name: "pipelined",
  title: "Lines of 64 bytes there and back, 16 at a time on each of 50 connections",
  notAnswered:
    "What it costs when the lines of a batch trickle in. The bare peer could collect its answers, too, with more code.",
  figures: serverCost("line", "lines"),
  contestants: [
    program({ name: "AsyncTCPServer, rfile and wfile", file: "async-lines.ts" }),
    program({ name: "AsyncTCPServer, MessageRequestHandler", file: "async-messages.ts" }),
    program({ name: "bare net, each line written", file: "net-split.ts" }),
    program({ name: "Python ThreadingTCPServer, rfile and wfile", file: "threading-lines.py" }),
  ],
  goals: [{ against: "bare net, each line written", figure: "cpu", atMost: 0.5, quickAtMost: 0.75 }],
  async measure(running, effort) {
    const times = Math.ceil((LINES * effort) / DEEP);
    await using connections = await openConnections(running.port, CONNECTIONS);
    return await cost(running, times * DEEP, () => roundTrips(connections, { times, message }));
  },
};
