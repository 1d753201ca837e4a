/**
 * Where a class comes from, so that a worker can import it again: a class cannot be cloned, a module can be imported twice.
 *
 * A class says it itself, with its *own* `static readonly module = import.meta.url` (an inherited one names the parent's file); else it is looked
 * for in the program's main module.
 *
 * @module
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { ErrorCode, SocketServerError, show, typeError } from "../errors.ts";

/** Where a worker finds a class. */
export interface ClassLocation {
  /** The URL of its module. */
  readonly module: string;
  /** The name of the class. */
  readonly name: string;
  /** Whether the class said so itself; else the module is the program's main one. */
  readonly declared: boolean;
}

/**
 * Find out where a class comes from.
 *
 * @throws `SocketServerError` `ERR_SOCKETSERVER_CLASS_NOT_FOUND` if it has no name, or no module is known.
 */
export function locateClass(subject: { readonly name: string }): ClassLocation {
  if (subject.name === "") {
    throw new SocketServerError(
      ErrorCode.classNotFound,
      "Cannot run in worker: the class has no name; write `export class Name ...`, so that a worker can find it",
    );
  }
  if (!Object.hasOwn(subject, "module"))
    return { module: mainModule(subject.name), name: subject.name, declared: false };
  const { module } = subject as { readonly module?: unknown };
  if (typeof module !== "string" || !URL.canParse(module)) {
    throw typeError(
      ErrorCode.invalidHandler,
      `Cannot run ${subject.name} in worker: its static module must be import.meta.url, received ${show(module)}`,
    );
  }
  return { module, name: subject.name, declared: true };
}

/** The program's main module. `argv[1]` is a folder for `node .`, and has no extension for `node ./server`. */
function mainModule(className: string): string {
  const main = process.argv[1];
  if (main === undefined) {
    throw new SocketServerError(
      ErrorCode.classNotFound,
      `Cannot run ${className} in worker: this program has no main module; move the class to a file of its own and give it \`static readonly module = import.meta.url\``,
    );
  }
  const resolve = createRequire(join(process.cwd(), "main.js")).resolve;
  return pathToFileURL(resolve(main)).href;
}
