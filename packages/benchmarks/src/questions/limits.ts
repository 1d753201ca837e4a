import { program } from "../contestants/program.ts";
import { connects } from "../load/connects.ts";
import { openConnections } from "../load/open-connections.ts";
import { roundTrips } from "../load/round-trips.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const REQUESTS = 50_000;
const CONNECTIONS = 50;
const VISITS = 5000;
const VISITS_AT_ONCE = 8;

const MESSAGE = Buffer.alloc(64, "x");

/** What it costs to be on guard. */
export const limits: Question = {
  name: "limits",
  title: "All limits and clocks on, and all off: 64 bytes there and back, over 50 connections",
  notAnswered: "What happens at a limit. None is reached: this is what the watching costs those who behave.",
  figures: [
    ...serverCost("request", "requests"),
    { name: "connection", unit: "µs of processor time to connect, ask once and close", lessIsBetter: true },
  ],
  contestants: [
    program({ name: "AsyncTCPServer, all on", file: "limited-echo.ts", args: ["on"] }),
    program({ name: "AsyncTCPServer, all off", file: "limited-echo.ts", args: ["off"] }),
  ],
  goals: [
    { against: "AsyncTCPServer, all off", figure: "cpu", atMost: 1.1, quickAtMost: 1.45 },
    { against: "AsyncTCPServer, all off", figure: "connection", atMost: 1.1, quickAtMost: 1.45 },
  ],
  async measure(running, effort) {
    await using connections = await openConnections(running.port, CONNECTIONS);
    const times = Math.ceil(REQUESTS * effort);
    const echo = await cost(running, times, () => roundTrips(connections, { times, message: () => MESSAGE }));
    const visits = Math.ceil(VISITS * effort);
    const load = { connections: visits, atOnce: VISITS_AT_ONCE };
    const { cpu: connection } = await cost(running, visits, () => connects(running.port, load));
    return { ...echo, connection };
  },
};
