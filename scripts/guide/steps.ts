import type { Block } from "../snippets/blocks.ts";

/** What a reader does, at a line of the guide, and sees. */
export type Step = { readonly line: number } & (
  | { readonly action: "save"; readonly file: string; readonly text: string }
  | { readonly action: "run"; readonly commands: string; readonly needs?: string; readonly printed?: string }
  | { readonly action: "serve"; readonly commands: string; readonly printed: string }
  | { readonly action: "interrupt"; readonly printed: string }
);

/** What the reader writes. */
export type Language = "ts" | "js";

/**
 * The steps of a guide, from its blocks:
 *
 * - one with `file=server.ts` is saved under that name;
 * - `sh` is run to its end, and prints what a `text` block that follows directly says; `sh nc` only where there is such a command;
 * - `sh server` stays, in a terminal of its own, where Ctrl-C has ended the one before;
 * - `text ctrl-c` is what that one printed since its start, when Ctrl-C has ended it;
 * - `typed` is for TypeScript alone.
 *
 * Whoever writes JavaScript writes `.js` for `.ts`, and saves the guide's own JavaScript where there is some.
 */
export function stepsOf(blocks: readonly Block[], language: Language): Step[] {
  const names = new Set(blocks.map(({ name }) => name));
  const steps = blocks
    .filter((block) => isFor(block, language, names))
    .flatMap((block): Step | [] => {
      const { line, code, name: file } = block;
      if (file !== undefined) return { line, action: "save", file, text: `${code}\n` };
      if (block.language === "text" && block.words.includes("ctrl-c")) {
        return { line, action: "interrupt", printed: code };
      }
      return block.language === "sh" ? commandOf(block) : [];
    });
  return language === "ts" ? steps : steps.map((step) => inJavaScript(step));
}

/** A file that the guide has in both languages is meant for one of them each. */
function isFor(block: Block, language: Language, names: ReadonlySet<string | undefined>): boolean {
  if (language === "js" && block.words.includes("typed")) return false;
  const { name: file } = block;
  const other = file?.replace(/\.[jt]s$/, language === "ts" ? ".ts" : ".js");
  return file === other || !names.has(other);
}

function commandOf({ line, code, words, next }: Block): Step {
  const printed = next?.language === "text" && next.words.length === 0 ? { printed: next.code } : {};
  if (words.includes("server")) return { line, action: "serve", commands: code, printed: "", ...printed };
  const needs = words.includes("nc") ? { needs: "nc" } : {};
  return { line, action: "run", commands: code, ...needs, ...printed };
}

function inJavaScript(step: Step): Step {
  const rename = (text: string): string => text.replaceAll(/\.ts\b/g, ".js");
  if (step.action === "save") return { ...step, file: rename(step.file), text: rename(step.text) };
  return "commands" in step ? { ...step, commands: rename(step.commands) } : step;
}
