import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

import type { Running } from "../question.ts";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const END_LIMIT_MS = 2000;
/** Characters of what a program complains of that an error repeats. */
const MOST_COMPLAINTS = 2000;

/**
 * Start a program and wait for its first line. `listening PORT` means that it serves; of `absent REASON` the reason is the answer.
 *
 * @throws Error if it ends, says nothing in time, or something else; it does not run any more then.
 */
export async function startProgram(
  name: string,
  command: readonly string[],
  limitMs: number,
): Promise<Running | string> {
  const [file = "", ...args] = command;
  // A process group of its own, so that its children can be ended with it.
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  await once(child, "spawn");
  try {
    const line = await firstLine(name, child, limitMs);
    const port = Number(/^listening (\d+)$/.exec(line)?.[1]);
    if (port > 0 && child.pid !== undefined) {
      let ended: Promise<void> | undefined;
      return { pid: child.pid, port, [Symbol.asyncDispose]: () => (ended ??= end(child)) };
    }
    const reason = /^absent (.+)$/.exec(line)?.[1];
    if (reason === undefined) {
      throw new Error(
        `Cannot start ${name}: its first line must be "listening PORT", received ${JSON.stringify(line)}`,
      );
    }
    await end(child);
    return reason;
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function firstLine(name: string, child: Child, limitMs: number): Promise<string> {
  const complaints = collect(child.stderr);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (what: string): void => reject(new Error(`Cannot start ${name}: ${what}${complaints()}`));
  const lines = createInterface({ input: child.stdout });
  lines.once("line", resolve);
  child.once("close", () => fail("it ended without listening"));
  const timer = setTimeout(() => fail(`it said nothing for ${limitMs / 1000} s`), limitMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    // What it prints later is taken and dropped, lest a full pipe stop it.
    lines.close();
    child.stdout.resume();
  }
}

/** Let it end by itself, or else kill it; and kill what it has left. */
async function end(child: Child): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    // It may have closed its side already.
    child.stdin.on("error", () => {}).end();
    const timer = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  }
  killGroup(child.pid);
  for (const stream of child.stdio) stream?.destroy();
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left, as should be.
  }
}

/** Keep the last of what a stream says. */
function collect(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (more: string) => {
    text = (text + more).slice(-MOST_COMPLAINTS);
  });
  return () => (text.trim() === "" ? "" : `: ${text.trim()}`);
}
