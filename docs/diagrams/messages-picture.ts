import { box, head, label, line, svg } from "./kit.ts";

const CELL = 22;
const LEFT = 12;
const HEIGHT = 24;
const GAP = 3;

const BYTES = ["o", "n", "e", "\\n", "t", "w", "o", "\\n", "t", "h", "r", "e", "e", "\\n"];

/** Where the pieces of a row end. */
const WRITES = [4, 8, 14];
const READS = [6, 14];

/** Three writes, two reads, three messages. */
export function messagesPicture(): string {
  return svg({
    title: "Writes are not reads, and neither are messages",
    description:
      "A client writes three times: one, two, three, each with a line feed. The server reads twice: one and the beginning of two, then the rest. The framing lines() gives three messages again.",
    height: 262,
    shapes: [
      label(LEFT, 14, "The client writes three times"),
      ...pieces(22, WRITES, "box"),
      ...arrow(50, 68),
      label(LEFT, 84, "TCP carries bytes, in order, and nothing else"),
      ...pieces(92, [14], "held"),
      ...arrow(120, 138),
      label(LEFT, 154, "recv() answers what has come: here, two pieces"),
      ...pieces(162, READS, "box"),
      ...arrow(190, 208),
      label(LEFT, 224, "lines() gives three messages"),
      ...pieces(232, WRITES, "own", true),
    ],
  });
}

function pieces(top: number, ends: readonly number[], kind: string, withoutEnding = false): string[] {
  return ends.flatMap((end, index) => {
    const begin = ends[index - 1] ?? 0;
    const length = withoutEnding ? end - begin - 1 : end - begin;
    const x = LEFT + begin * CELL;
    const letters = BYTES.slice(begin, begin + length);
    return [
      box({ x: x + GAP / 2, y: top, width: length * CELL - GAP, height: HEIGHT }, kind),
      ...letters.map((letter, at) => label(x + at * CELL + CELL / 2, top + 16, letter, "code middle")),
    ];
  });
}

function arrow(from: number, to: number): string[] {
  const x = LEFT + 7 * CELL;
  return [line(`M${x} ${from}V${to}`), head(x, to, "down")];
}
