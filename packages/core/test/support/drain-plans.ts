/** What happens in one generated case of a drain: plain data, so that a failure shows it. */
import fc from "fast-check";

import type { StageName } from "./drain-stages.ts";

/** Phases in which a drain can find a connection or a packet. */
const COMMON_PHASES = [
  "idle",
  "working",
  "throwing",
  "polite",
  "watching",
  "insisting",
  "closing",
  "closing, insisting",
  "stuck before closing",
  "stuck after closing",
] as const;

/** The same for connections alone: of a packet, nothing is still to come. */
const STREAM_PHASES = ["silent", "part", "middle", "answering", "unread", "lingering", "committing"] as const;

/** Phases before a handler begins: nothing else is taken meanwhile. */
const VERIFY_PHASES = ["verified late", "refused late", "verified never", "verification fails"] as const;

/** The phase that a drain finds a request in, unless it still waits for its turn then. */
export type Phase = (typeof COMMON_PHASES)[number] | (typeof STREAM_PHASES)[number] | (typeof VERIFY_PHASES)[number];

/** One client; which numbers mean something is up to its phase. */
export interface ClientPlan {
  readonly phase: Phase;
  /** How long a hook or handler takes. */
  readonly ms: number;
  /** The grace of a handler that closes the server. */
  readonly graceMs: number;
  /** Of a large answer. */
  readonly pieces: number;
  /** What it does while the server drains. */
  readonly act: "stays" | "ends" | "resets" | "goes on";
  readonly actAfterMs: number;
}

/** A call of `close()` while the server drains. */
interface CallPlan {
  readonly afterMs: number;
  readonly graceMs: number;
}

/** One case: a server, its clients, and the calls from outside. */
export interface DrainPlan {
  readonly server: StageName;
  readonly clients: readonly ClientPlan[];
  readonly graceMs: number;
  /** How long after handlers were told to close the server. */
  readonly closeAfterMs: number;
  readonly closeAgain: readonly CallPlan[];
  readonly shutdownAfterMs: number | undefined;
  readonly lingerMs: number;
  /** Handlers that run at once where there may be many. */
  readonly atOnce: number;
}

const milliseconds = fc.integer({ min: 0, max: 80 });
const grace = fc.integer({ min: 0, max: 60 });

function client(phases: readonly Phase[]): fc.Arbitrary<ClientPlan> {
  return fc.record({
    phase: fc.constantFrom(...phases),
    ms: milliseconds,
    graceMs: grace,
    pieces: fc.integer({ min: 1, max: 128 }),
    act: fc.constantFrom("stays", "stays", "ends", "resets", "goes on"),
    actAfterMs: milliseconds,
  });
}

/** Up to 12 clients. Those behind one that is held in `verifyRequest()` wait for their turn. */
function clients(server: StageName): fc.Arbitrary<readonly ClientPlan[]> {
  const phases = server.endsWith("UDP") ? COMMON_PHASES : [...COMMON_PHASES, ...STREAM_PHASES];
  const free = fc.array(client(phases), { maxLength: 8, size: "max" });
  const held = fc.array(client(VERIFY_PHASES), { maxLength: 1 });
  const waiting = fc.array(client(phases), { maxLength: 3, size: "max" });
  return fc.tuple(free, held, waiting).map((parts) => parts.flat());
}

/** Cases of servers of these kinds; a name that is there twice is drawn twice as often. */
export function drainPlans(servers: readonly StageName[]): fc.Arbitrary<DrainPlan> {
  return fc.constantFrom(...servers).chain((server) =>
    fc.record({
      server: fc.constant(server),
      clients: clients(server),
      graceMs: grace,
      closeAfterMs: fc.integer({ min: 0, max: 10 }),
      closeAgain: fc.array(fc.record({ afterMs: milliseconds, graceMs: fc.oneof(grace, fc.constant(Infinity)) }), {
        maxLength: 2,
      }),
      shutdownAfterMs: fc.option(milliseconds, { nil: undefined }),
      lingerMs: fc.constantFrom(20, 1_000),
      atOnce: fc.constantFrom(3, Infinity, Infinity),
    }),
  );
}
