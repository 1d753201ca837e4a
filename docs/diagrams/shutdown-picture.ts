import { box, head, label, line, svg } from "./kit.ts";

/** When the moments of an end are, from left to right. */
const BEGIN = 4;
const DRAINING = 112;
const CUT = 272;
const CLOSED = 339;

/** What becomes of one client. */
interface Fate {
  readonly words: string;
  readonly from: number;
  readonly to: number;
  readonly end: string;
  readonly kind: "ends" | "cut" | "refused";
}

const FATES: readonly Fate[] = [
  { words: "A request that ends by itself", from: BEGIN, to: 180, end: "finished", kind: "ends" },
  {
    words: "A connection that waits for its next message",
    from: BEGIN,
    to: DRAINING,
    end: "its read ends",
    kind: "ends",
  },
  { words: "A handler that watches drainSignal", from: BEGIN, to: 140, end: "finished", kind: "ends" },
  { words: "A handler that never ends", from: BEGIN, to: CUT, end: "cut", kind: "cut" },
  { words: "Comes while the server still accepts", from: 60, to: 160, end: "finished", kind: "ends" },
  { words: "Comes later, or still waits for its turn", from: DRAINING, to: DRAINING, end: "refused", kind: "refused" },
];

const TOP = 74;
const ROW = 42;

/** What `close()` does to whom, in time. */
export function shutdownPicture(): string {
  const bottom = TOP + FATES.length * ROW;
  return svg({
    title: "What close() does, in time",
    description: `close() is called; for lameDuckMs the server still accepts. Then it drains for at most graceMs, cuts what is left, and tells in its report. ${FATES.map(({ words, end }) => `${words}: ${end}.`).join(" ")}`,
    height: bottom + 44,
    shapes: [...scale(bottom), ...FATES.flatMap((fate, index) => drawn(fate, TOP + index * ROW)), ...report(bottom)],
  });
}

function scale(bottom: number): string[] {
  return [
    box({ x: DRAINING, y: 44, width: CUT - DRAINING, height: bottom - 44 }, "band", 0),
    label(BEGIN, 14, "close() is called"),
    label(BEGIN, 34, "lameDuck", "code good"),
    label(DRAINING, 34, "draining", "code good"),
    label(CLOSED, 34, "close", "code good end"),
    label(CLOSED, 14, "events in green", "note end"),
    ...[BEGIN, DRAINING, CUT, CLOSED].map((x) => line(`M${x} 40V70`, "line dashed")),
    ...span(BEGIN, DRAINING, "lameDuckMs"),
    ...span(DRAINING, CUT, "graceMs"),
  ];
}

function span(from: number, to: number, words: string): string[] {
  return [
    line(`M${from + 2} 64H${to - 2}`),
    head(from + 2, 64, "left"),
    head(to - 2, 64, "right"),
    label((from + to) / 2, 58, words, "code middle"),
  ];
}

function drawn({ words, from, to, end, kind }: Fate, top: number): string[] {
  const y = top + 22;
  const middle = y + 5;
  const cross = line(`M${to - 5} ${middle - 5}l10 10m0 -10l-10 10`, "cut");
  return [
    label(BEGIN + 6, top + 15, words),
    ...(kind === "refused" ? [] : [box({ x: from, y, width: to - from, height: 10 }, "busy", 2)]),
    ...(kind === "ends" ? [] : [cross]),
    label(to + 9, y + 9, end, kind === "ends" ? "note" : "bad"),
  ];
}

function report(bottom: number): string[] {
  return [
    label(BEGIN, bottom + 20, "Then everything is closed, and close() resolves with the"),
    label(BEGIN, bottom + 37, "report: who finished, was cut, was refused, and why."),
  ];
}
