import { program } from "../contestants/program.ts";
import { openConnections } from "../load/open-connections.ts";
import { roundTrips } from "../load/round-trips.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const TRANSFERS = 400;
const CONNECTIONS = 4;
const MEBIBYTE = 1_048_576;

/** Bytes in which a part that is lost, doubled or misplaced shows: 251 is prime to every power of two. */
const data = Buffer.from(Uint8Array.from({ length: MEBIBYTE }, (_, index) => index % 251));

/** What moving many bytes costs, with back-pressure. */
export const transfers: Question = {
  name: "transfers",
  title: "1 MiB there and back, on each of 4 connections",
  notAnswered: "What a network that is slower than memory makes of it, or a file that is sent.",
  figures: serverCost("MiB", "MiB"),
  contestants: [
    program({ name: "AsyncTCPServer", file: "async-echo.ts" }),
    program({ name: "bare net, pipe", file: "net-pipe.ts" }),
    program({ name: "Python ThreadingTCPServer", file: "threading-echo.py" }),
  ],
  goals: [{ against: "bare net, pipe", figure: "cpu", atMost: 1.1, quickAtMost: 1.5 }],
  async measure(running, effort) {
    const times = Math.ceil(TRANSFERS * effort);
    await using connections = await openConnections(running.port, CONNECTIONS);
    return await cost(running, times, () => roundTrips(connections, { times, message: () => data }));
  },
};
