import { subscribe } from "node:diagnostics_channel";
import { readdirSync, readlinkSync } from "node:fs";
import type { Worker } from "node:worker_threads";

/** What a process has open: each kind of resource with its count. */
type Resources = ReadonlyMap<string, number>;

/** How long what is closing may take, in milliseconds. */
const SETTLE_MS = 5_000;
const STEP_MS = 20;

/** Threads that run: the runtime does not count them among its active resources. */
const threads = new Set<Worker>();

subscribe("worker_threads", (message) => {
  const { worker } = message as { readonly worker: Worker };
  threads.add(worker);
  worker.once("exit", () => threads.delete(worker));
});

/**
 * Remember what is open now; the answer checks that nothing more is open later, and waits a little for what is closing.
 *
 * Counts the descriptors of sockets (where `/proc` tells), the event loop's own active resources (sockets, servers, timers, children), and threads, those with
 * `unref()` too, if they began after this package was imported.
 *
 * @example
 * ```ts run
 * import { BaseRequestHandler, TCPServer } from "@socketserver/core";
 * import { leakCheck } from "@socketserver/testing";
 *
 * const expectNothingLeft = leakCheck();
 * const server = new TCPServer({ port: 0 }, BaseRequestHandler);
 * await server.listen();
 * await server.close();
 * await expectNothingLeft();
 * console.log("nothing is left");
 * ```
 *
 * ```text
 * nothing is left
 * ```
 */
export function leakCheck(): () => Promise<void> {
  const before = openResources();
  return async () => {
    const deadline = performance.now() + SETTLE_MS;
    for (;;) {
      // The timer of this wait must not count itself.
      const left = leaks(before, openResources());
      if (left.length === 0) return;
      if (performance.now() > deadline) throw new Error(`Cannot end test: still open are ${left.join(", ")}`);
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  };
}

function openResources(): Resources {
  // They are opened when they are first used, and then stay.
  void process.stdout;
  void process.stderr;
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (threads.size > 0) counts.set("thread", threads.size);
  const sockets = openSockets();
  if (sockets !== undefined) counts.set("socket descriptor", sockets);
  return counts;
}

/** Other kinds of descriptors are the runtime's own: it opens some when it first needs them. */
function openSockets(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").filter((descriptor) => isSocket(descriptor)).length;
  } catch {
    return undefined;
  }
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    // The descriptor of the listing itself is gone by now.
    return false;
  }
}

function leaks(before: Resources, after: Resources): string[] {
  return [...after]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${count - (before.get(kind) ?? 0)} ${kind}`);
}
