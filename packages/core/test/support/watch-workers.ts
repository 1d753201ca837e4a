import type { WorkerExitInfo, WorkerInfo } from "@socketserver/core";
import type { RunningServer } from "@socketserver/testing";

import { eventually } from "./eventually.ts";
import type { WorkerServer } from "./worker-kinds.ts";

/** What became of the workers of a server since it serves. */
export interface WorkerLog {
  /** Every `workerExit` event, and when it came, on the clock of `performance.now()`. */
  readonly exits: (WorkerExitInfo & { readonly at: number })[];
  /** Every `workerReady` event. */
  readonly readies: WorkerInfo[];
}

/** Write down which workers come and go from now on. */
export function watchWorkers({ server }: { readonly server: WorkerServer }): WorkerLog {
  const log: WorkerLog = { exits: [], readies: [] };
  server.on("workerExit", (info) => log.exits.push({ ...info, at: performance.now() }));
  server.on("workerReady", (info) => log.readies.push(info));
  return log;
}

/** Wait until as many workers are there, and all of them take requests. */
export async function workersReady({ server }: RunningServer<WorkerServer>, count: number): Promise<void> {
  await eventually(() => {
    const states = server.workers.map(({ state }) => state);
    if (states.length === count && states.every((state) => state === "ready")) return;
    throw new Error(`Cannot find ${count} ready workers: they are ${states.join(", ")}`);
  });
}
