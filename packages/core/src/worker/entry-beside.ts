import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { ErrorCode, SocketServerError } from "../errors.ts";

/**
 * The file that a worker begins with, beside the module that starts it: `.js` when built, `.ts` when run from source.
 *
 * @throws `SocketServerError` `ERR_SOCKETSERVER_ENTRY_MISSING` if it is not there.
 */
export function entryBeside(module: string, name: string): string {
  const path = fileURLToPath(new URL(`./${name}${module.slice(module.lastIndexOf("."))}`, module));
  if (existsSync(path)) return path;
  throw new SocketServerError(
    ErrorCode.entryMissing,
    `Cannot start worker: ${path} is missing; if this program is bundled, leave @socketserver/core out of the bundle (external)`,
  );
}
