import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const KIBIBYTE = 1024;

const STEP_MS = 300;

/** Memory that changes by less than this share from step to step, so many times in a row, is settled. */
const STEADY_SHARE = 0.005;
const STEADY_STEPS = 4;

const LIMIT_MS = 10_000;

/**
 * The memory that a process and its descendants have written, in bytes, once it is steady: a collector of garbage takes its time. Of what is mapped
 * from files nothing counts, because other processes share it and come and go; nor does what the kernel keeps for sockets.
 *
 * @see {@link https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html | proc_pid_smaps(5)}
 */
export async function settledMemory(pid: number): Promise<number> {
  const deadline = performance.now() + LIMIT_MS;
  let before = memory(pid);
  for (let steady = 0; performance.now() < deadline;) {
    await delay(STEP_MS);
    const now = memory(pid);
    steady = Math.abs(now - before) < now * STEADY_SHARE ? steady + 1 : 0;
    if (steady === STEADY_STEPS) return now;
    before = now;
  }
  throw new Error(`Cannot measure memory of process ${pid}: it still changes after ${LIMIT_MS / 1000} s`);
}

function memory(pid: number): number {
  const [, kibibytes] = /^Anonymous:\s+(\d+) kB/m.exec(rollupOf(pid)) ?? [];
  return childrenOf(pid).reduce((sum, child) => sum + memory(child), Number(kibibytes) * KIBIBYTE);
}

function rollupOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  } catch (cause) {
    throw new Error(`Cannot measure memory: there is no process ${pid}`, { cause });
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number);
    } catch {
      // A thread that has just ended.
      return [];
    }
  });
}
