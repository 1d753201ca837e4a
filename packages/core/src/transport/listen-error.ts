import { codeOf, SocketServerError } from "../errors.ts";

const REMEDY: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "another program, or another server of this one, uses that address; choose another, or port 0 for any free port",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not use that address; ports below 1024 usually need a privilege",
  ENOENT: "the directory does not exist; create it first",
  ENOTFOUND: "the host name is not known",
  ENOTDIR: "a part of the path is not a directory",
};

/** A failure to listen, with its address and a remedy. It keeps the system's code. */
export function listenError(cause: Error, address: string): SocketServerError {
  const code = codeOf(cause) ?? "EUNKNOWN";
  const remedy = REMEDY[code] ?? cause.message;
  return new SocketServerError(code, `Cannot listen on ${address}: ${code}: ${remedy}`, { cause });
}
