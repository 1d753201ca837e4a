import { box, head, label, line, svg } from "./kit.ts";

/** One way of a connection to its worker. */
interface HandOver {
  readonly name: string;
  readonly words: readonly string[];
  readonly worker: string;
  /** Whether the socket itself moves. */
  readonly moves: boolean;
}

const HAND_OVERS: readonly HandOver[] = [
  { name: "transfer", words: ["TCP to a thread: the socket itself moves"], worker: "thread", moves: true },
  { name: "send", words: ["TCP and Unix sockets to a process: so it does"], worker: "process", moves: true },
  {
    name: "relay",
    words: ["Unix sockets to a thread, datagrams to any worker,", "and where sockets cannot move: the bytes do"],
    worker: "worker",
    moves: false,
  },
];

const CLIENT = { x: 0, width: 58 };
const LISTENER = { x: 120, width: 90 };
const WORKER = { x: 273, width: 70 };
const HEIGHT = 26;

/** What moves to a worker, in each way of handing over. */
export function handOverPicture(): string {
  let top = 0;
  const shapes: string[] = [];
  for (const each of HAND_OVERS) {
    shapes.push(...drawn(each, top));
    top += 18 + each.words.length * 16 + (each.moves ? 84 : 64);
  }
  return svg({
    title: "What moves to threads and processes",
    description: `${HAND_OVERS.map(({ name, words }) => `${name}: ${words.join(" ")}.`).join(" ")} Memory never moves: each worker has a server and handlers of its own.`,
    height: top + 92,
    shapes: [...shapes, ...neverMoves(top)],
  });
}

function drawn({ name, words, worker, moves }: HandOver, top: number): string[] {
  const y = top + 20 + words.length * 16 + 16;
  const middle = y + HEIGHT / 2;
  return [
    label(0, top + 14, name, "code strong"),
    ...words.map((each, index) => label(0, top + 31 + index * 16, each, "note")),
    ...part(CLIENT, y, "client", "event"),
    ...part(LISTENER, y, "listener", "box"),
    ...part(WORKER, y, worker, "own"),
    ...(moves ? moved(y, middle) : relayed(middle)),
  ];
}

function part(
  { x, width }: { readonly x: number; readonly width: number },
  y: number,
  words: string,
  kind: string,
): string[] {
  return [
    box({ x: x + 0.5, y, width: width - 1, height: HEIGHT }, kind),
    label(x + width / 2, y + 17, words, "middle"),
  ];
}

function moved(y: number, middle: number): string[] {
  const [from, to] = [CLIENT.x + CLIENT.width / 2, WORKER.x + WORKER.width / 2];
  const low = y + HEIGHT + 16;
  return [
    line(`M58 ${middle}H${LISTENER.x}`, "line dashed"),
    head(LISTENER.x, middle, "right"),
    label(89, middle - 6, "connects", "note middle"),
    line(`M210 ${middle}H${WORKER.x}`, "line dashed"),
    head(WORKER.x, middle, "right"),
    label(241, middle - 6, "socket", "note middle"),
    line(`M${from} ${y + HEIGHT}V${low}H${to}V${y + HEIGHT}`),
    head(from, y + HEIGHT, "up"),
    head(to, y + HEIGHT, "up"),
    label(165, low - 5, "bytes, from then on", "middle"),
  ];
}

function relayed(middle: number): string[] {
  return [
    line(`M58 ${middle}H${LISTENER.x}`),
    head(58, middle, "left"),
    head(LISTENER.x, middle, "right"),
    label(89, middle - 6, "bytes", "middle"),
    line(`M210 ${middle}H${WORKER.x}`),
    head(210, middle, "left"),
    head(WORKER.x, middle, "right"),
    label(241, middle - 6, "chunks", "middle"),
  ];
}

function neverMoves(top: number): string[] {
  return [
    box({ x: 0, y: top, width: 343, height: 88 }, "band", 8),
    label(10, top + 20, "What never moves: memory", "strong"),
    label(10, top + 39, "Each worker imports your module again, and has"),
    label(10, top + 56, "a this.server of its own. Options are copied."),
    label(10, top + 73, "Threads may share a SharedArrayBuffer."),
  ];
}
