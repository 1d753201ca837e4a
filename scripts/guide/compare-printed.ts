/**
 * Compares what was printed with what a guide says. There, a line of three dots stands for any lines; nobody sees what stands at the end of a line.
 *
 * @throws if it is something else.
 */
export function comparePrinted(printed: string, expected: string): void {
  const pattern = expected
    .split("\n")
    .map((line) => (line === "..." ? "(?:.*\n)*" : `${literally(line.trimEnd())}\n`))
    .join("");
  const text = `${printed.replaceAll(/[ \t]+$/gm, "").trimEnd()}\n`;
  if (new RegExp(`^${pattern}$`).test(text)) return;
  throw new Error(`says:\n${expected}\n  but it prints:\n${printed}`);
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
