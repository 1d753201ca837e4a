import type { Address } from "@socketserver/core";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";

import type { LimitedServerReport } from "../fixtures/limited-server-program.ts";
import { soon } from "./soon.ts";

/** How a limited server is made. */
export interface Limits {
  /** What `ulimit -n` is told. */
  readonly descriptors: number;
  /** @defaultValue 1 */
  readonly workers?: number;
  /** Where to listen, if not on a port. */
  readonly path?: string;
}

/** Far above what anything takes: what takes longer has no end. */
const ENDLESS_MS = 10_000;

/** A server of the fixtures in a process of few descriptors. Whoever starts it holds it with `await using`. */
export class LimitedServer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: Interface;
  readonly #closed: Promise<unknown>;
  #address: Address = { path: "" };
  #stderr = "";

  private constructor(name: string, { descriptors, workers = 1, path }: Limits) {
    const program = new URL("../fixtures/limited-server-program.ts", import.meta.url).pathname;
    const command = `ulimit -n ${descriptors}; exec "$@"`;
    const args = [process.execPath, program, name, String(workers), ...(path === undefined ? [] : [path])];
    this.#child = spawn("bash", ["-c", command, "bash", ...args], { stdio: ["pipe", "pipe", "pipe"] });
    this.#closed = once(this.#child, "close");
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#child.stdin.on("error", () => {
      // Its end tells.
    });
  }

  static async start(name: string, limits: Limits): Promise<LimitedServer> {
    const server = new LimitedServer(name, limits);
    server.#address = (await server.#answer()) as Address;
    return server;
  }

  get address(): Address {
    return this.#address;
  }

  /** What it has printed that it should not have. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Let it open files until there is no descriptor left. */
  async eat(): Promise<void> {
    if ((await this.#ask("eat")) !== "EMFILE") throw new Error("Cannot eat: the limit is not the one of open files");
  }

  /** Let it close those files. */
  async free(): Promise<void> {
    await this.#ask("free");
  }

  /** Watch it for a while. */
  async look(): Promise<LimitedServerReport> {
    return (await this.#ask("look")) as LimitedServerReport;
  }

  /** Close the server, and wait for the end of its process. */
  async close(): Promise<void> {
    await this.#ask("close");
    await soon(this.#closed, ENDLESS_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  #ask(command: string): Promise<unknown> {
    const answer = this.#answer();
    this.#child.stdin.write(`${command}\n`);
    return answer;
  }

  async #answer(): Promise<unknown> {
    const ended = this.#closed.then(() => {
      throw new Error(`Cannot hear server: it has ended\n${this.#stderr}`);
    });
    ended.catch(() => undefined);
    const [line] = (await soon(Promise.race([once(this.#lines, "line"), ended]), ENDLESS_MS)) as [string];
    return JSON.parse(line);
  }
}
