import { readFileSync, readdirSync } from "node:fs";

/** What a process has open. */
export interface ProcessResources {
  readonly descriptors: number;
  /** The same for each of its children, ascending. */
  readonly children: readonly number[];
  /** What keeps its event loop busy: each kind with its count. */
  readonly active: Readonly<Record<string, number>>;
}

/** What this process has open now. */
export function processResources(): ProcessResources {
  // They are opened when they are first used, and then stay.
  void process.stdout;
  void process.stderr;
  const active: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo().toSorted()) active[kind] = (active[kind] ?? 0) + 1;
  const children = childrenOfThisProcess().map((pid) => countDescriptors(pid));
  return { descriptors: countDescriptors("self"), children: children.toSorted((one, other) => one - other), active };
}

function countDescriptors(process: string): number {
  try {
    return readdirSync(`/proc/${process}/fd`).length;
  } catch {
    // It has just ended.
    return 0;
  }
}

function childrenOfThisProcess(): string[] {
  return readdirSync("/proc/self/task").flatMap((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean);
    } catch {
      // A thread that has just ended.
      return [];
    }
  });
}
