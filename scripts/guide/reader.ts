import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

import { comparePrinted } from "./compare-printed.ts";
import type { Step } from "./steps.ts";

/** A command and what it has printed, stdout and stderr as they came. */
interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<unknown>;
  hasEnded: boolean;
  printed: string;
  /** How much of that the guide has spoken of. */
  seen: number;
}

/** In milliseconds: installing takes longest. */
const PATIENCE_MS = 60_000;

/** In milliseconds. */
const READING_MS = 1_000;

/** Whoever follows a guide to the letter: with one terminal for commands that end, and one for the server. */
export class Reader implements AsyncDisposable {
  /** Where the first terminal is by now. */
  folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #notes: string;
  #server: Running | undefined;

  /** Begins in an empty folder; `notes` is a file to write to. */
  constructor(folder: string, notes: string, environment: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.#notes = notes;
    this.#environment = environment;
  }

  /** Does what the guide says. @throws if that fails, or prints something else. */
  async follow(step: Step): Promise<void> {
    if (step.action === "save") return writeFile(join(this.folder, step.file), step.text);
    if (step.action === "run") return this.#run(step.commands, step.needs, step.printed);
    if (step.action === "serve") return this.#serve(step.commands, step.printed);
    await this.#interrupt(step.printed);
  }

  async #run(commands: string, needs?: string, expected?: string): Promise<void> {
    if (needs !== undefined && !isThere(needs)) return;
    const running = this.#start(`${commands}\npwd >"${this.#notes}"`);
    await within(running.ended, running);
    const { child, printed } = running;
    if (child.exitCode !== 0) throw new Error(`ended with ${child.exitCode ?? child.signalCode}:\n${printed}`);
    if (expected !== undefined) comparePrinted(printed, expected);
    this.folder = (await readFile(this.#notes, "utf8")).trim();
  }

  async #serve(commands: string, expected: string): Promise<void> {
    await this.#interrupt();
    const running = this.#start(`exec ${commands}`);
    this.#server = running;
    const { child, ended } = running;
    while (running.printed.length < expected.length && !running.hasEnded) {
      await within(Promise.race([once(child.stdout, "data"), ended]), running);
    }
    comparePrinted(running.printed, expected);
    running.seen = running.printed.length;
  }

  async #interrupt(expected?: string): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    // A reader looks at an answer before pressing Ctrl-C: the server has noticed by then that the client has gone.
    if (expected !== undefined) await sleep(READING_MS);
    signal(server, "SIGINT");
    await within(server.ended, server);
    this.#server = undefined;
    if (server.child.exitCode !== 0) throw new Error(`the server ended badly:\n${server.printed}`);
    if (expected !== undefined) comparePrinted(server.printed.slice(server.seen), expected);
  }

  #start(commands: string): Running {
    const child = spawn("sh", ["-e", "-c", commands], {
      cwd: this.folder,
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
      // As in a terminal, where Ctrl-C reaches all of it.
      detached: true,
    });
    const running: Running = { child, ended: once(child, "close"), hasEnded: false, printed: "", seen: 0 };
    child.once("close", () => (running.hasEnded = true));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (running.printed += stripVTControlCharacters(text)));
    }
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server === undefined) return;
    signal(this.#server, "SIGKILL");
    await this.#server.ended;
  }
}

/** @throws if a command is missing although all of them are required. */
function isThere(command: string): boolean {
  if (spawnSync(command, ["-h"]).error === undefined) return true;
  if (process.env["REQUIRE_PEERS"] === undefined) return false;
  throw new Error(`cannot be followed: there is no ${command}`);
}

/** To the whole group: what the shell has started may outlive it. */
function signal({ child, hasEnded }: Running, name: NodeJS.Signals): void {
  if (child.pid === undefined || hasEnded) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    // Nobody is left, and its end is about to be told.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function within(event: Promise<unknown>, running: Running): Promise<void> {
  const timer = setTimeout(() => signal(running, "SIGKILL"), PATIENCE_MS);
  try {
    await event;
  } finally {
    clearTimeout(timer);
  }
}
