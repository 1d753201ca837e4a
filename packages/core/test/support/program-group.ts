import type { InternetAddress } from "@socketserver/core";
import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { eventually } from "./eventually.ts";
import { soon } from "./soon.ts";

/** Below the grace period of the program, so that one that waits for that fails its test. */
const PATIENCE_MS = 15_000;

/**
 * A program of the fixtures in a process group of its own, as a shell starts one in a terminal.
 *
 * Whoever starts it holds it with `await using`: what is left of its group at the end of the test is killed.
 */
export class ProgramGroup implements AsyncDisposable {
  /** Every line that the program or its children printed so far. */
  readonly lines: string[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<unknown[]>;
  #stderr = "";

  /** Starts it, with these arguments of the runtime before its name and these of its own behind it; `environment` is added to that of the test. */
  constructor(
    name: string,
    {
      execArgv = [],
      args = [],
      environment = {},
    }: {
      readonly execArgv?: readonly string[];
      readonly args?: readonly string[];
      readonly environment?: Readonly<Record<string, string>>;
    } = {},
  ) {
    const path = new URL(`../fixtures/${name}`, import.meta.url).pathname;
    this.#child = spawn(process.execPath, [...execArgv, path, ...args], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.lines.push(line));
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#exited = once(this.#child, "exit");
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** What it printed on stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Where it listens. */
  async address(): Promise<InternetAddress> {
    const [, port] = await this.line(/^listening (\d+)$/);
    return { host: "127.0.0.1", port: Number(port) };
  }

  /** The first line, printed or still to come, that matches. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => {
      for (const line of this.lines) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      throw new Error(`Cannot find line ${pattern}: there are\n${this.lines.join("\n")}\n${this.#stderr}`);
    }, PATIENCE_MS);
  }

  /** Send a signal to the whole group, as a terminal does. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /** The exit code of the program itself, or the signal that ended it. */
  async exit(): Promise<unknown> {
    const [code, signal] = await soon(this.#exited, PATIENCE_MS);
    return code ?? signal;
  }

  /** Processes of the group that run, the program's own and its children. */
  get members(): number[] {
    const { stdout } = spawnSync("ps", ["-A", "-o", "pgid=,pid=,stat="], { encoding: "utf8" });
    const rows = stdout.split("\n").map((row) => row.trim().split(/\s+/));
    // What has ended stays in the table until somebody asks how.
    return rows
      .filter(([group, , state]) => Number(group) === this.pid && state?.startsWith("Z") === false)
      .map(([, pid]) => Number(pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.members.length > 0) this.signal("SIGKILL");
    await this.#exited;
    await eventually(() => {
      if (this.members.length > 0) throw new Error("Cannot end program: a process of its group is left");
    });
  }
}
