import { ErrorCode, SocketServerError, codeOf } from "../errors.ts";
import { bootGuard } from "../server/boot-guard.ts";
import type { ClassLocation } from "./class-location.ts";

/** Any class. */
export type AnyClass = new (...args: never[]) => object;

/**
 * Import the module of a class in this worker, and find the class among its exports.
 *
 * @throws `SocketServerError` `ERR_SOCKETSERVER_CLASS_NOT_FOUND`, `ERR_SOCKETSERVER_CLASS_AMBIGUOUS` or `ERR_SOCKETSERVER_NO_MAIN_GUARD`, or what the
 * module throws.
 */
export async function findClass(location: ClassLocation): Promise<AnyClass> {
  const exported = await importGuarded(location.module).catch((error: unknown) => {
    throw location.declared || codeOf(error) === ErrorCode.noMainGuard ? error : notImported(location, error);
  });
  const classes = new Set(Object.values(exported).filter((value) => isClassNamed(value, location.name)));
  const [found, second] = classes;
  if (found === undefined) throw notFound(location);
  if (second !== undefined) {
    throw new SocketServerError(
      ErrorCode.classAmbiguous,
      `Cannot run ${location.name} in worker: ${location.module} exports two classes of that name; rename one of them`,
    );
  }
  return found as AnyClass;
}

async function importGuarded(module: string): Promise<Readonly<Record<string, unknown>>> {
  const guard = bootGuard();
  guard.worker = true;
  const exported = (await import(module)) as Readonly<Record<string, unknown>>;
  // A program may catch what its own listen() throws.
  if (guard.tripped !== undefined) throw guard.tripped;
  return exported;
}

function isClassNamed(value: unknown, name: string): boolean {
  return typeof value === "function" && value.name === name && /^class\b/.test(Function.prototype.toString.call(value));
}

function notFound({ name, module, declared }: ClassLocation): SocketServerError {
  const remedy = declared
    ? `write \`export class ${name} ...\` there`
    : `write \`export class ${name} ...\` there; or, if it is in another file, give the class \`static readonly module = import.meta.url\``;
  return new SocketServerError(
    ErrorCode.classNotFound,
    `Cannot run ${name} in worker: ${module} exports no class of that name; ${remedy}`,
  );
}

function notImported({ name, module }: ClassLocation, cause: unknown): SocketServerError {
  return new SocketServerError(
    ErrorCode.classNotFound,
    `Cannot run ${name} in worker: the program's main module ${module} cannot be imported there; mend it, or, if the class is in another file, give it \`static readonly module = import.meta.url\``,
    { cause },
  );
}
