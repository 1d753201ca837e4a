import { box, label, line, svg } from "./kit.ts";

/** A stretch of a request's time. */
type Stretch = readonly ["busy" | "waits" | "held", number];

/** One way to serve two clients who ask for the same at the same time. */
interface Way {
  readonly name: string;
  readonly words: readonly string[];
  readonly rows: readonly { readonly where: string; readonly stretches: readonly Stretch[] }[];
}

const COMPUTES: Stretch = ["busy", 34];
const AWAITS: Stretch = ["waits", 60];
const ANSWERS: Stretch = ["busy", 16];
const WHOLE: readonly Stretch[] = [COMPUTES, AWAITS, ANSWERS];

const WAYS: readonly Way[] = [
  {
    name: "TCPServer",
    words: ["One at a time: the second client waits for all of it."],
    rows: [
      { where: "this loop", stretches: WHOLE },
      { where: "this loop", stretches: [["held", 110], ...WHOLE] },
    ],
  },
  {
    name: "AsyncTCPServer",
    words: ["Taking turns on one loop: who awaits lets others go,", "who computes does not."],
    rows: [
      { where: "this loop", stretches: WHOLE },
      { where: "this loop", stretches: [["held", 34], ...WHOLE] },
    ],
  },
  {
    name: "ThreadingTCPServer",
    words: ["Each thread has a loop of its own.", "One program: a crash of the runtime ends all of it."],
    rows: [
      { where: "thread 1", stretches: WHOLE },
      { where: "thread 2", stretches: WHOLE },
    ],
  },
  {
    name: "ForkingTCPServer",
    words: ["Each process has a loop and a memory of its own:", "a crash ends only the connections of one."],
    rows: [
      { where: "process 1", stretches: WHOLE },
      { where: "process 2", stretches: WHOLE },
    ],
  },
];

const BARS = 92;
const ROW = 22;
const LEGEND = 70;

/** Who waits for whom in each kind of server. */
export function serverClassesPicture(): string {
  let top = 0;
  const shapes: string[] = [];
  for (const way of WAYS) {
    shapes.push(...drawn(way, top));
    top += 30 + way.words.length * 16 + way.rows.length * ROW + 16;
  }
  return svg({
    title: "Which server class: who waits for whom",
    description: `Two clients, A and B, ask at the same time; each request computes, awaits something, and answers. ${WAYS.map(({ name, words }) => `${name}: ${words.join(" ")}`).join(" ")}`,
    height: top + LEGEND,
    shapes: [...shapes, ...legend(top + 4)],
  });
}

function drawn({ name, words, rows }: Way, top: number): string[] {
  const bars = top + 28 + words.length * 16;
  return [
    label(0, top + 14, name, "code strong"),
    ...words.map((each, index) => label(0, top + 32 + index * 16, each, "note")),
    ...rows.flatMap(({ where, stretches }, index) => {
      const y = bars + index * ROW;
      let x = BARS;
      return [
        label(0, y + 12, `${"AB"[index]}, ${where}`),
        ...stretches.map(([kind, width]) => {
          const shape = box({ x: x + 0.5, y: y + 0.5, width: width - 1, height: 15 }, kind, 2);
          x += width;
          return shape;
        }),
      ];
    }),
    line(`M0 ${bars + rows.length * ROW + 6}H343`, "line dashed"),
  ];
}

function legend(top: number): string[] {
  const rows = [
    ["busy", "computes"],
    ["waits", "awaits: the network, a database, a timer"],
    ["held", "is held up by client A"],
  ] as const;
  return rows.flatMap(([kind, words], index) => [
    box({ x: 0.5, y: top + 0.5 + index * 21, width: 25, height: 13 }, kind, 2),
    label(34, top + 11 + index * 21, words),
  ]);
}
