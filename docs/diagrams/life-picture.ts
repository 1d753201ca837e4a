import { box, head, label, line, svg, WIDTH } from "./kit.ts";
import { LIFE, type Step } from "./life-of-a-connection.ts";

const ROW = 34;
const BOX_HEIGHT = 24;
const LEFT = 38;
const BOX_WIDTH = 126;
const NOTES = LEFT + BOX_WIDTH + 8;
const MIDDLE = LEFT + BOX_WIDTH / 2;
const BAND_HEAD = 26;
const BAND_GAP = 10;
const LEGEND = 74;

const CLASSES = { server: "box", handler: "own", event: "event", moment: "" } as const;

const SIDES = {
  listener: ["Listener side", "it accepts"],
  handler: ["Handler side", "here, or in a worker"],
} as const;

/** A step, and where it stands. */
interface Placed extends Step {
  readonly top: number;
}

/** Steps of one side that follow each other. */
interface Band {
  readonly top: number;
  readonly height: number;
  readonly steps: readonly Placed[];
}

/** The life of a connection, from top to bottom. */
export function lifePicture(): string {
  const bands = placed();
  const steps = bands.flatMap((band) => band.steps);
  const last = bands.at(-1);
  const bottom = (last?.top ?? 0) + (last?.height ?? 0);
  return svg({
    title: "The life of a connection",
    description: `In order: ${steps.map(({ name, side }) => `${name} (${side} side)`).join(", ")}. Whatever throws on the handler side leads to handleError, and on to shutdownRequest.`,
    height: bottom + LEGEND,
    shapes: [
      ...bands.flatMap(drawnBand),
      ...steps.slice(1).map((step, index) => drawnArrow(steps[index] ?? step, step)),
      ...steps.flatMap(drawnStep),
      ...drawnFailure(steps),
      ...legend(bottom + 8),
    ],
  });
}

function placed(): Band[] {
  const bands: Band[] = [];
  let top = 0;
  for (const [index, step] of LIFE.entries()) {
    if (index > 0 && step.side === LIFE[index - 1]?.side) continue;
    const end = LIFE.findIndex((each, at) => at > index && each.side !== step.side);
    const own = LIFE.slice(index, end < 0 ? undefined : end);
    const height = BAND_HEAD + own.length * ROW;
    bands.push({ top, height, steps: own.map((each, at) => ({ ...each, top: top + BAND_HEAD + at * ROW })) });
    top += height + BAND_GAP;
  }
  return bands;
}

function drawnBand({ top, height, steps }: Band): string[] {
  const side = steps[0]?.side ?? "listener";
  return [
    box({ x: 0, y: top, width: WIDTH, height }, side === "listener" ? "band" : "other", 8),
    // Beside the arrow that comes in.
    label(MIDDLE + 12, top + 17, SIDES[side][0], "strong"),
    label(WIDTH - 8, top + 17, SIDES[side][1], "note end"),
  ];
}

function drawnStep({ name, kind, note, top }: Placed): string[] {
  const baseline = top + 16;
  if (kind === "moment") {
    return [
      `<circle class="head" cx="${MIDDLE}" cy="${top + BOX_HEIGHT / 2}" r="3"/>`,
      label(MIDDLE + 10, baseline, name, "note"),
    ];
  }
  const radius = kind === "event" ? BOX_HEIGHT / 2 : 4;
  return [
    box({ x: LEFT, y: top, width: BOX_WIDTH, height: BOX_HEIGHT }, CLASSES[kind], radius),
    label(MIDDLE, baseline, name, "code middle"),
    ...(note === "" ? [] : [label(NOTES, baseline, note, "note")]),
  ];
}

/** From one to the next; a moment is a point on the way. */
function drawnArrow(from: Placed, to: Placed): string {
  const begin = from.top + (from.kind === "moment" ? BOX_HEIGHT / 2 : BOX_HEIGHT);
  if (to.kind === "moment") return line(`M${MIDDLE} ${begin}V${to.top + BOX_HEIGHT / 2}`);
  return line(`M${MIDDLE} ${begin}V${to.top}`) + head(MIDDLE, to.top, "down");
}

/** The way of an error, beside what may throw it. */
function drawnFailure(steps: readonly Placed[]): string[] {
  const middleOf = (name: string): number => (steps.find((step) => step.name === name)?.top ?? 0) + BOX_HEIGHT / 2;
  const [from, to] = [middleOf("prepareRequest"), middleOf("shutdownRequest")];
  const throwing = steps.filter(
    ({ top, failure }) => failure !== undefined && top + BOX_HEIGHT / 2 >= from && top + BOX_HEIGHT / 2 < to,
  );
  const x = 27;
  return [
    ...throwing.map(({ top }) => line(`M${LEFT} ${top + BOX_HEIGHT / 2}H${x}`, "line dashed")),
    line(`M${x} ${from}V${to}H${LEFT - 4}`, "line dashed"),
    head(LEFT, to, "right"),
    `<text class="note middle" transform="translate(17 ${(from + to) / 2}) rotate(-90)">throws: handleError</text>`,
  ];
}

function legend(top: number): string[] {
  const rows = [
    ["box", "a hook of the server: override it"],
    ["own", "a method of the handler: write it"],
    ["event", "an event: listen to it"],
  ] as const;
  return rows.flatMap(([kind, words], index) => [
    box({ x: 1, y: top + index * 22, width: 26, height: 14 }, kind, kind === "event" ? 7 : 3),
    label(34, top + 11 + index * 22, words),
  ]);
}
