/**
 * What runs first in a worker thread: import the classes, make the replica, then take requests from the port.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";

import { WorkerSide } from "./worker-side.ts";
import type { FromWorker, ToWorker, WorkerBoot } from "./messages.ts";

const port = parentPort;
if (port === null) throw new Error("Cannot start worker: this file is the entry of a worker thread, not a program");

const side = new WorkerSide((message: FromWorker) => port.postMessage(message));
port.on("message", (message: ToWorker) => {
  if (message.type === "stop") void side.stop().finally(() => port.close());
  else side.receive(message);
});
// Not awaited: a thread may be stopped while it starts. It never rejects.
void side.start(workerData as WorkerBoot);
