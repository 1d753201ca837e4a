/** Keeps so many MiB of memory from when it listens: itself, or in a `child`. */
import { fork } from "node:child_process";
import { once } from "node:events";

import { listening } from "../../src/contestants/listening.ts";

const MEBIBYTE = 1_048_576;

const [, , where, mebibytes] = process.argv;
/** Filled, because the kernel gives no memory for what was never written. */
const keep = (): Buffer => Buffer.alloc(Number(mebibytes) * MEBIBYTE, "x");

let kept: Buffer | undefined;
if (where === "child") {
  const child = fork(import.meta.filename, ["of-parent", String(mebibytes)]);
  await once(child, "message");
  listening(1);
} else {
  kept = keep();
  if (where === "itself") listening(1);
  else process.send?.("kept");
  process.on("disconnect", () => process.exit());
}
// For as long as it runs.
process.on("exit", () => kept?.at(0));
