/**
 * What runs first in a worker thread: everything else comes from the port.
 *
 * @module
 */

import type { Socket } from "node:net";
import { parentPort } from "node:worker_threads";

import type { Envelope } from "./envelope.ts";
import { WorkerSide } from "./worker-side.ts";
import type { ToWorker } from "./messages.ts";

const port = parentPort;
if (port === null) throw new Error("Cannot start worker: this file is the entry of a worker thread, not a program");

const side = new WorkerSide((message, moves) => port.postMessage({ socketserver: message }, [...(moves ?? [])]), true);
process.on("exit", () => side.flush());
port.on("message", ({ socketserver: message, socket }: Envelope<ToWorker> & { readonly socket?: Socket }) => {
  if (message.type === "stop") void side.stop().finally(() => port.close());
  else side.receive(message, socket);
});
