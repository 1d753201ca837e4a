import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Fields of /proc/PID/stat, counted from the one behind the program's name, which may itself hold spaces and brackets. */
const PARENT = 1;
const OWN_AND_REAPED = [11, 12, 13, 14];

let ticksPerSecond: number | undefined;

/**
 * The processor time that a process and its living descendants have used since they began, in microseconds, in user and kernel mode and in all
 * of their threads. Children that have ended count once their parent has waited for them.
 *
 * It comes in steps of the kernel's clock tick, which is 10 ms: take the difference over a few tenths of a second.
 *
 * @see {@link https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html | proc_pid_stat(5)}
 */
export function processorTime(pid: number): number {
  ticksPerSecond ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  const processes = all();
  if (!processes.has(pid)) throw new Error(`Cannot measure processor time: there is no process ${pid}`);
  let ticks = 0;
  for (const [candidate, stat] of processes) {
    if (!descendsFrom(candidate, pid, processes)) continue;
    for (const field of OWN_AND_REAPED) ticks += Number(stat[field]);
  }
  return (ticks / ticksPerSecond) * 1_000_000;
}

/** Every process and what the kernel says of it. */
function all(): Map<number, readonly string[]> {
  const found = new Map<number, readonly string[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat !== undefined) found.set(Number(name), stat);
  }
  return found;
}

function statOf(name: string): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${name}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    // It ended between the listing and the reading.
    return undefined;
  }
}

function descendsFrom(candidate: number, ancestor: number, processes: ReadonlyMap<number, readonly string[]>): boolean {
  for (let pid: number = candidate; pid > 0; pid = Number(processes.get(pid)?.[PARENT] ?? 0)) {
    if (pid === ancestor) return true;
  }
  return false;
}
