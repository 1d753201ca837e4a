/**
 * Notices a program that starts its server when it is imported.
 *
 * A worker imports the module of its classes again. Without `if (import.meta.main)` around its last lines, that module would start a second
 * server in every worker, at once or a moment later. So in a worker a server can be started only by code that the framework called: a handler, or a
 * hook. What is known is kept on the global object, because the module may have loaded its own copy of this package.
 *
 * @module
 */

import { ErrorCode, SocketServerError } from "../errors.ts";
import { callContext } from "./call-context.ts";

interface BootGuard {
  /** Whether this thread is a worker of a server. */
  worker: boolean;
  /** What `listen()` threw while modules were imported: the program may have caught it. */
  tripped: Error | undefined;
}

const KEY = Symbol.for("socketserver.boot-guard");

/** The guard of this thread. */
export function bootGuard(): BootGuard {
  const holder = globalThis as { [KEY]?: BootGuard };
  holder[KEY] ??= { worker: false, tripped: undefined };
  return holder[KEY];
}

/** @throws `SocketServerError` `ERR_SOCKETSERVER_NO_MAIN_GUARD` in a worker, outside of what the framework calls there. */
export function refuseUnguarded(): void {
  const guard = bootGuard();
  if (!guard.worker || callContext.getStore() !== undefined) return;
  guard.tripped ??= new SocketServerError(
    ErrorCode.noMainGuard,
    "Cannot start worker: its module starts a server when it is imported; write `if (import.meta.main) { ... }` around the lines that start it",
  );
  throw guard.tripped;
}
