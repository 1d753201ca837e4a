import type { Channel } from "@socketserver/client";
import type { Address } from "@socketserver/core";
import { dirname } from "node:path";

import { eventually } from "../../../core/test/support/eventually.ts";
import { Program, type ProgramEnd } from "../../../core/test/support/program.ts";
import { temporaryPath } from "../../../core/test/support/temporary-path.ts";
import type { RespReply } from "./resp-client-codec.ts";

/** A real Redis server that keeps nothing. */
export class RedisServer implements AsyncDisposable {
  readonly address: Address;
  readonly #program: Program;

  private constructor(program: Program, address: Address) {
    this.#program = program;
    this.address = address;
  }

  /** Resolves when it serves. */
  static async start(address: Address, ...settings: readonly string[]): Promise<RedisServer> {
    const where =
      "path" in address
        ? ["--port", "0", "--unixsocket", address.path]
        : ["--port", String(address.port), "--bind", address.host];
    const folder = dirname(await temporaryPath());
    const program = new Program("redis-server", [...where, "--dir", folder, "--save", "", ...settings]);
    await program.line(/ready to accept connections/i);
    return new RedisServer(program, address);
  }

  /** Resolves when it has ended; sends it a signal first, if one is given. */
  end(signal?: NodeJS.Signals): Promise<ProgramEnd> {
    return this.#program.end(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

/** Ask a server until so many of its clients wait in a command that blocks. */
export async function blockedClients(channel: Channel<RespReply, readonly string[]>, count: number): Promise<void> {
  await eventually(async () => {
    const said = String(await channel.request(["INFO", "clients"]));
    const blocked = /^blocked_clients:(\d+)/m.exec(said)?.[1];
    if (Number(blocked) !== count) throw new Error(`Cannot go on: ${blocked} clients are blocked, and not ${count}`);
  });
}
