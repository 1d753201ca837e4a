import { Program, type ProgramEnd } from "./program.ts";

/** Run a program of the fixtures with this Node until it ends. A `command` that runs it may set limits, such as `["prlimit", ...]`. */
export async function runProgram(
  name: string,
  args: readonly string[] = [],
  command: readonly string[] = [],
): Promise<ProgramEnd> {
  const path = new URL(`../fixtures/${name}`, import.meta.url).pathname;
  const [first = "", ...rest] = [...command, process.execPath, path, ...args];
  await using program = new Program(first, rest);
  return await program.end();
}
