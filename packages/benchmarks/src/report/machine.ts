import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** Where and when the figures were found, without which they mean nothing. */
export interface Machine {
  /** As ISO 8601. */
  readonly date: string;
  /** With "and changes" if the files differ from it. */
  readonly commit: string;
  readonly processor: string;
  readonly cores: number;
  /** In GiB. */
  readonly memory: number;
  /** How many programs wanted to run in the minute before: about 0 on a quiet machine. */
  readonly load: number;
  readonly kernel: string;
  /** Of the programs that run or compile the contestants; those that are not installed are missing. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What each program says of its version, and where the number stands. */
const PROGRAMS: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  Python: [process.env["PYTHON"] ?? "python3", "--version"],
  Go: ["go", "version"],
  Bun: ["bun", "--version"],
  GCC: ["gcc", "-dumpfullversion"],
};

/** Describe this machine, now. */
export function machine(): Machine {
  const versions = Object.entries(PROGRAMS).flatMap(([name, [command, ...args]]) => {
    const version = /\d+(?:\.\d+)+/.exec(output(command, ...args))?.[0];
    return version === undefined ? [] : [[name, version] as const];
  });
  return {
    date: new Date().toISOString(),
    commit: commit(),
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    kernel: `Linux ${release()}`,
    versions: { "Node.js": process.versions.node, ...Object.fromEntries(versions) },
  };
}

/** The commit of the folder that the command is run in, and whether that is all. */
function commit(): string {
  const head = output("git", "rev-parse", "--short=12", "HEAD").trim();
  if (head === "") return "unknown";
  return output("git", "status", "--porcelain", "--untracked-files=no") === "" ? head : `${head} and changes`;
}

/** What a program prints; nothing if it is not installed or fails. */
function output(command: string, ...args: readonly string[]): string {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? stdout : "";
}
