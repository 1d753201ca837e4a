import { program } from "../contestants/program.ts";
import { datagrams as echoDatagrams } from "../load/datagrams.ts";
import { cost } from "../measure/cost.ts";
import type { Question } from "../question.ts";
import { serverCost } from "./server-cost.ts";

const COUNT = 40_000;
const SIZE = 64;
const IN_FLIGHT = 32;

/** The share of a contestant that makes a thread for each: it costs more, so that fewer are enough. */
const THREADING_SHARE = 0.1;
const THREADING = "Python ThreadingUDPServer";

/** What a datagram costs. */
export const datagrams: Question = {
  name: "datagrams",
  title: "Datagrams of 64 bytes there and back, 32 on their way at once",
  notAnswered: "Many clients, large datagrams, and networks that lose some.",
  figures: serverCost("datagram", "datagrams"),
  contestants: [
    program({ name: "AsyncUDPServer", file: "async-datagrams.ts" }),
    program({ name: "bare dgram", file: "dgram-message.ts" }),
    program({ name: "Python UDPServer", file: "datagram-echo.py" }),
    program({ name: THREADING, file: "datagram-echo.py", args: ["threads"] }),
  ],
  goals: [],
  measure(running, effort, { name }) {
    const count = Math.ceil(COUNT * effort * (name === THREADING ? THREADING_SHARE : 1));
    return cost(running, count, () => echoDatagrams(running.port, { count, size: SIZE, inFlight: IN_FLIGHT }));
  },
};
