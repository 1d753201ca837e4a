import { spawn } from "node:child_process";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";

import type { Block, SnippetError } from "./blocks.ts";
import type { Snippet } from "./snippet.ts";

/** In milliseconds: a block that shows something ends by itself, and soon. */
const TIME_LIMIT_MS = 20_000;

const AT_ONCE = 2;

/** Runs those programs that are to be run, each in an empty folder, and compares what they print with what their documents say. */
export async function run(folder: string, snippets: readonly Snippet[]): Promise<SnippetError[]> {
  const waiting = snippets.filter(({ printed }) => printed !== undefined);
  const errors = new Map<Snippet, SnippetError[]>();
  const work = async (): Promise<void> => {
    for (let snippet = waiting.shift(); snippet !== undefined; snippet = waiting.shift()) {
      errors.set(snippet, await runOne(folder, snippet));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return snippets.flatMap((snippet) => errors.get(snippet) ?? []);
}

async function runOne(folder: string, { block, path, printed }: Snippet): Promise<SnippetError[]> {
  await using empty = await mkdtempDisposable(join(tmpdir(), "snippet-"));
  const { output, code, signal } = await outputOf(resolve(folder, path), empty.path);
  const { file, line } = block;
  if (signal === "SIGKILL") {
    return [{ file, line, message: `did not end within ${TIME_LIMIT_MS / 1000} s, and printed:\n${output}` }];
  }
  if (code !== 0) return [{ file, line, message: `ended with ${code ?? signal}, and printed:\n${output}` }];
  return printed === undefined ? [] : compare(output, printed);
}

/** What a program prints: all of stdout, then all of stderr. */
async function outputOf(
  program: string,
  cwd: string,
): Promise<{ output: string; code: number | null; signal: NodeJS.Signals | null }> {
  const { FORCE_COLOR: _, ...env } = process.env;
  const child = spawn(process.execPath, [program], {
    cwd,
    env: { ...env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIME_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.stderr += text));
  const { promise, resolve: settle, reject } = Promise.withResolvers<[number | null, NodeJS.Signals | null]>();
  child.once("error", reject).once("close", (code, signal) => settle([code, signal]));
  const [code, signal] = await promise;
  return { output: stripVTControlCharacters(printed.stdout + printed.stderr), code, signal };
}

/** The lines in which what was printed differs from what was promised, at the lines of the promise. */
function compare(output: string, { file, line, code }: Block): SnippetError[] {
  const [promised, printed] = [linesOf(code), linesOf(output)];
  return Array.from({ length: Math.max(promised.length, printed.length) }, (_, index) => {
    const [was, is] = [promised[index], printed[index]];
    if (was === is) return [];
    const message =
      was === undefined
        ? `prints one more line: ${is}`
        : is === undefined
          ? `does not print: ${was}`
          : `says: ${was}\n  but it prints: ${is}`;
    return [{ file, line: line + 1 + index, message }];
  }).flat();
}

/** Nobody sees what stands at the end of a line. */
function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
