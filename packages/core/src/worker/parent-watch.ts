import { Worker } from "node:worker_threads";

/** Names the parent in the environment of a worker process: it may be gone before the process can ask. */
export const PARENT_VARIABLE = "SOCKETSERVER_PARENT";

/** How often to look whether the parent still lives, in milliseconds. */
const INTERVAL_MS = 1_000;

/** Heap of the thread that looks, in MiB: the least that the runtime starts with safely. */
const HEAP_MIB = 16;

/**
 * End this process when its parent is gone, even while its own event loop is blocked: a handler that computes for ever would otherwise burn a core
 * for ever once nobody is left to notice it.
 */
export function watchParent(): void {
  const parent = Number(process.env[PARENT_VARIABLE]);
  // The handlers have the environment of the parent.
  delete process.env[PARENT_VARIABLE];
  const watch = `
    const parent = ${parent};
    setInterval(() => process.ppid === parent || process.kill(process.pid, "SIGKILL"), ${INTERVAL_MS});
  `;
  const thread = new Worker(watch, {
    eval: true,
    name: "socketserver-parent-watch",
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    // What the program preloads does not fit there.
    execArgv: [],
    env: {},
  });
  thread.on("error", () => {
    // Without it the process still ends with its parent, unless its event loop is blocked then.
  });
  thread.unref();
}
