/** All questions, in the order in which they are asked and told of. */
import type { Question } from "../question.ts";
import { connect } from "./connect.ts";
import { datagrams } from "./datagrams.ts";
import { echo } from "./echo.ts";
import { importTime } from "./import-time.ts";
import { latency } from "./latency.ts";
import { limits } from "./limits.ts";
import { lines } from "./lines.ts";
import { memory } from "./memory.ts";
import { pipelined } from "./pipelined.ts";
import { processes } from "./processes.ts";
import { threads } from "./threads.ts";
import { transfers } from "./transfers.ts";

export const QUESTIONS: readonly Question[] = [
  echo,
  lines,
  pipelined,
  transfers,
  connect,
  threads,
  processes,
  memory,
  latency,
  datagrams,
  limits,
  importTime,
];
