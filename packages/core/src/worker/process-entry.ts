/**
 * What runs first in a worker process: everything else comes from the channel to its parent.
 *
 * The parent decides when a worker ends, and how: signals that reach a whole process group (Ctrl-C in a terminal, a service that is stopped) are
 * its business. Without a parent there is nobody to serve for, so the worker ends; also if its event loop is blocked, because a thread of its own
 * watches for that.
 *
 * @module
 */

import type { Socket } from "node:net";

import { errorToData } from "./error-data.ts";
import type { Envelope } from "./envelope.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { watchParent } from "./parent-watch.ts";
import { WorkerSide } from "./worker-side.ts";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // The parent has heard it, too.
  });
}
if (process.send === undefined) {
  throw new Error("Cannot start worker: this file is the entry of a worker process, not a program");
}
watchParent();

let stopping = false;
const side = new WorkerSide(post, false);

process.on("message", ({ socketserver: message }: Envelope<ToWorker>, socket?: Socket) => {
  if (message.type === "stop") void stop();
  else side.receive(message, socket);
});
process.on("exit", () => side.flush());
process.on("disconnect", () => {
  if (!stopping) process.exit(1);
});
process.on("uncaughtException", (error) => {
  // A program that deals with such errors itself goes on, as it would anywhere.
  if (process.listenerCount("uncaughtException") > 1) return;
  side.flush();
  const crashed: FromWorker = { type: "crashed", error: errorToData(error) };
  process.send?.({ socketserver: crashed }, undefined, {}, () => process.exit(1));
});

function post(message: FromWorker): void {
  process.send?.({ socketserver: message }, undefined, {}, () => {
    // Without a parent, `disconnect` tells.
  });
}

async function stop(): Promise<void> {
  stopping = true;
  await side.stop();
  process.disconnect?.();
}
