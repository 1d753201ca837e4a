import { spawn, type ChildProcessByStdio } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** How a program ended, and what it printed. */
export interface ProgramEnd {
  /** The exit code, or null after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Below the time-out of a test, so that a program that says nothing fails the test that asked, and is ended with it; and below the grace
 * period of a server, so that one that drains for that long fails, too.
 */
const PATIENCE_MS = 10_000;

/**
 * A real program, started by a test: waits for the lines that it prints, and for its end.
 *
 * Whoever starts it holds it with `await using`: what still runs at the end of the test is killed.
 */
export class Program implements AsyncDisposable {
  /** Every line that it printed so far. */
  readonly lines: string[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #news = new EventEmitter();
  readonly #ended: Promise<ProgramEnd>;
  #running = true;
  #stderr = "";

  /** Starts it; `environment` is added to that of the test. */
  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const env = { ...process.env, ...environment };
    this.#child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    const kill = (): boolean => this.#child.kill("SIGKILL");
    process.once("exit", kill);
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.lines.push(line);
      this.#news.emit("news");
    });
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#child.stdin.on("error", () => {
      // It ended without reading; its exit code tells.
    });
    this.#ended = once(this.#child, "close").then(([code]) => {
      process.off("exit", kill);
      this.#running = false;
      this.#news.emit("news");
      return { code: code as number | null, stdout: this.lines.join("\n"), stderr: this.#stderr };
    });
    // A command that cannot be started has no other end; why is told to whoever calls end().
    this.#ended.catch((error: unknown) => {
      this.#running = false;
      this.#stderr += String(error);
      this.#news.emit("news");
    });
  }

  /** The first line, printed or still to come, that matches. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const [line] = await this.linesMatching(pattern, 1);
    return line as RegExpExecArray;
  }

  /** The first `count` lines, printed or still to come, that match. */
  async linesMatching(pattern: RegExp, count: number): Promise<RegExpExecArray[]> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const found = this.lines.map((line) => pattern.exec(line)).filter((match) => match !== null);
      if (found.length >= count) return found.slice(0, count);
      if (!this.#running) throw new Error(`Cannot find ${count} lines ${pattern}: the program ended\n${this.#said()}`);
      await once(this.#news, "news", { signal: deadline }).catch(() => {
        throw new Error(`Cannot find ${count} lines ${pattern} in time\n${this.#said()}`);
      });
    }
  }

  /** Give it some input. */
  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Give it input, and no more after that. */
  input(text: string): void {
    this.#child.stdin.end(text);
  }

  /** Send it a signal, if one is given, and wait for its end. */
  end(signal?: NodeJS.Signals): Promise<ProgramEnd> {
    if (signal !== undefined) this.#child.kill(signal);
    const end = this.#endInTime();
    // Tests do other things before they await it.
    end.catch(() => undefined);
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#running) return;
    this.#child.kill("SIGKILL");
    await this.#ended.catch(() => undefined);
  }

  async #endInTime(): Promise<ProgramEnd> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`Cannot end program in time\n${this.#said()}`)), PATIENCE_MS);
    try {
      return await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #said(): string {
    return `stdout:\n${this.lines.join("\n")}\nstderr:\n${this.#stderr}`;
  }
}
