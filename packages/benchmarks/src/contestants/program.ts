/**
 * Contestants that are programs of their own.
 *
 * A program prints `listening PORT` as its first line, or `absent REASON`, and serves on 127.0.0.1 until its standard input ends. That is the
 * whole contract, so that a program can be in any language. What has to be compiled is compiled for each start into a folder that is
 * gone as soon as the program runs: Linux keeps what it executes.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, extname, isAbsolute, join, resolve } from "node:path";

import type { Contestant } from "../question.ts";
import { startProgram } from "./start-program.ts";

/** How to run one program. */
export interface ProgramOptions {
  /** What a reader calls it. */
  readonly name: string;
  /** The source: its path, from this folder unless absolute. */
  readonly file: string;
  /** What runs it: `["bun"]`, `["node", "--expose-gc"]`. By the kind of file unless given; C and Go are compiled. */
  readonly command?: readonly string[];
  /** What follows the file. */
  readonly args?: readonly string[];
  /** How long it may take until it listens, in milliseconds: 20 000 unless given. */
  readonly startLimitMs?: number;
}

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  ".ts": ["node"],
  // The one with uvloop need not be the first on the PATH.
  ".py": [process.env["PYTHON"] ?? "python3"],
};

/** The compiler, up to where the output's and the source's names go. */
const COMPILERS: Readonly<Record<string, readonly string[]>> = {
  ".c": ["gcc", "-O2", "-o"],
  ".go": ["go", "build", "-o"],
};

const START_LIMIT_MS = 20_000;
const COMPILE_LIMIT_MS = 120_000;

/** A contestant that is started as a process, which ends when the contestant is disposed of, or this process ends. */
export function program(options: ProgramOptions): Contestant {
  const { name, file, args = [], startLimitMs = START_LIMIT_MS } = options;
  const source = resolve(import.meta.dirname, file);
  const compiler = options.command === undefined ? COMPILERS[extname(source)] : undefined;
  const [tool, ...flags] = compiler ?? options.command ?? COMMANDS[extname(source)] ?? [];
  if (tool === undefined) throw new TypeError(`Cannot run ${file}: name the command that runs it`);
  return {
    name,
    async start() {
      const found = find(tool);
      if (found === undefined) return `${tool} is not installed`;
      if (compiler === undefined) return await startProgram(name, [found, ...flags, source, ...args], startLimitMs);
      await using folder = await mkdtempDisposable(join(tmpdir(), "benchmark-"));
      const binary = join(folder.path, "program");
      compile(name, found, [...flags, binary, source]);
      return await startProgram(name, [binary, ...args], startLimitMs);
    },
  };
}

/** The path of a program, as a shell would find it; "node" is the one that runs us. */
function find(tool: string): string | undefined {
  if (tool === "node") return process.execPath;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = isAbsolute(tool) ? [tool] : folders.map((folder) => join(folder, tool));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Nothing else happens meanwhile, so it may as well block. */
function compile(name: string, compiler: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(compiler, args, { encoding: "utf8", timeout: COMPILE_LIMIT_MS });
  if (status === 0) return;
  throw new Error(`Cannot compile ${name}: ${compiler} failed: ${stderr?.trim() || error?.message}`, { cause: error });
}
