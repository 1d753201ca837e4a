/**
 * Notices a program that starts its server when it is imported.
 *
 * A worker imports the module of its classes again. Without `if (import.meta.main)` around its last lines, that module would start a second
 * server in every worker. The flag is kept on the global object, because the module may have loaded its own copy of this package.
 *
 * @module
 */

import { ErrorCode, SocketServerError } from "../errors.ts";

interface BootGuard {
  /** Whether the modules of a worker are being imported. */
  importing: boolean;
  /** What `listen()` threw meanwhile: the program may have caught it. */
  tripped: Error | undefined;
}

const KEY = Symbol.for("socketserver.boot-guard");

/** The guard of this thread. */
export function bootGuard(): BootGuard {
  const holder = globalThis as { [KEY]?: BootGuard };
  holder[KEY] ??= { importing: false, tripped: undefined };
  return holder[KEY];
}

/** @throws `SocketServerError` `ERR_SOCKETSERVER_NO_MAIN_GUARD` while the modules of a worker are being imported. */
export function refuseWhileImporting(): void {
  const guard = bootGuard();
  if (!guard.importing) return;
  guard.tripped ??= new SocketServerError(
    ErrorCode.noMainGuard,
    "Cannot start worker: its module starts a server when it is imported; write `if (import.meta.main) { ... }` around the lines that start it",
  );
  throw guard.tripped;
}
