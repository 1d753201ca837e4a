import type { Address } from "@socketserver/core";
import { execFileSync } from "node:child_process";
import { open, type FileHandle } from "node:fs/promises";

import { Program, type ProgramEnd } from "../../../core/test/support/program.ts";
import { temporaryPath } from "../../../core/test/support/temporary-path.ts";

/** The shell gives it our named pipe to read from, and makes what it tells of itself part of its output. */
const COMMAND = 'exec nc -lv "$@" 2>&1 < "$0"';

/** `nc -l`: prints what comes over the first connection, and sends over it what is typed. */
export class NetcatListener implements AsyncDisposable {
  readonly address: Address;
  readonly #program: Program;
  readonly #keyboard: FileHandle;

  private constructor(program: Program, keyboard: FileHandle, address: Address) {
    this.#program = program;
    this.#keyboard = keyboard;
    this.address = address;
  }

  /** Resolves when it listens. With the option `-N` it ends its side when nothing more will be typed. */
  static async start(address: Address, ...options: readonly string[]): Promise<NetcatListener> {
    const where = "path" in address ? ["-U", address.path] : [address.host, String(address.port)];
    const pipe = await temporaryPath("keyboard");
    execFileSync("mkfifo", [pipe]);
    // To write alone would wait for one who reads.
    const keyboard = await open(pipe, "r+");
    const program = new Program("sh", ["-c", COMMAND, pipe, ...options, ...where]);
    const [, port] = await program.line(/^Listening on \S+?(?: (\d+))?$/);
    return new NetcatListener(program, keyboard, "path" in address ? address : { ...address, port: Number(port) });
  }

  /** Type something; it is sent when somebody has connected. */
  async type(text: string): Promise<void> {
    await this.#keyboard.write(text);
  }

  /** Nothing more will be typed. */
  async typeNoMore(): Promise<void> {
    await this.#keyboard.close();
  }

  /** Resolves when it has printed this line. */
  async printed(line: string): Promise<void> {
    await this.#program.line(new RegExp(`^${line}$`));
  }

  /** Every line that it has printed and that came over the connection; complete when it has ended. */
  get lines(): readonly string[] {
    const { lines } = this.#program;
    const connected = lines.findIndex((line) => line.startsWith("Connection received on "));
    return connected === -1 ? [] : lines.slice(connected + 1);
  }

  /** Resolves when it has ended; sends it a signal first, if one is given. */
  end(signal?: NodeJS.Signals): Promise<ProgramEnd> {
    return this.#program.end(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await this.#keyboard.close();
  }
}
