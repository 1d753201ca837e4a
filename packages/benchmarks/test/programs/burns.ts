/** Uses half a second of processor time as soon as it listens: itself, in a `thread`, or in a `child`. */
import { spawn } from "node:child_process";
import { Script } from "node:vm";
import { Worker } from "node:worker_threads";

import { listening } from "../../src/contestants/listening.ts";

const BURN_SECONDS = 0.5;
const CODE = `const used = () => process.cpuUsage(); while (used().user + used().system < ${BURN_SECONDS} * 1e6);`;

listening(1);
if (process.argv[2] === "thread") {
  new Worker(CODE, { eval: true }).unref();
} else if (process.argv[2] === "child") {
  spawn(process.execPath, ["-e", `${CODE} process.stdin.resume()`], { stdio: ["pipe", "inherit", "inherit"] });
} else {
  // The same words as the others, in this thread.
  new Script(CODE).runInThisContext();
}
