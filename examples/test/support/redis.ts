import type { Address } from "@socketserver/core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Program } from "../../../packages/core/test/support/program.ts";

/** A Redis server with nothing in it, on a Unix socket. */
export class RedisServer implements AsyncDisposable {
  readonly address: Address;
  readonly #program: Program;
  readonly #folder: string;

  private constructor(folder: string) {
    const path = join(folder, "redis.sock");
    this.address = { path };
    this.#folder = folder;
    this.#program = new Program("redis-server", ["--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""]);
  }

  /** Resolves when it serves. */
  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await mkdtemp(join(tmpdir(), "redis-")));
    await server.#program.line(/ready to accept connections/i);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}

/** What redis-cli prints for these commands, one on a line: replies with their types. */
export async function redisCli(address: Address, script: string): Promise<string[]> {
  await using program = new Program("redis-cli", [...whereIs(address), "--no-raw"]);
  program.input(script);
  const { code, stdout, stderr } = await program.end();
  if (code !== 0) throw new Error(`Cannot run redis-cli: ${stderr}`);
  return stdout.split("\n");
}

/** What redis-benchmark says of a server. */
export async function redisBenchmark(address: Address, ...args: readonly string[]): Promise<string> {
  await using program = new Program("redis-benchmark", [...whereIs(address), "--csv", ...args]);
  const { code, stdout, stderr } = await program.end();
  return `${stdout}\n${stderr}\nexit code ${code}`;
}

function whereIs(address: Address): string[] {
  return "path" in address ? ["-s", address.path] : ["-h", address.host, "-p", String(address.port)];
}
