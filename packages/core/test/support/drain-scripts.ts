import { setTimeout as delay } from "node:timers/promises";

import type { ClientPlan, Phase } from "./drain-plans.ts";

/** How a client gets its request into a phase. */
export interface PhaseScript {
  /** What it says first. */
  readonly opening: (plan: ClientPlan) => string;
  /** Whether the handler answers `+` to that. */
  readonly answered: boolean;
  /** What it says after that. */
  readonly next?: string;
  /** Whether it ends its side then. */
  readonly ends?: boolean;
  /** What it says when the drain is about to begin. */
  readonly last?: (plan: ClientPlan) => string;
  readonly reads?: "slowly" | "never";
  /** Whether the handler leaves its server free for the next request. */
  readonly leaves?: boolean;
  /** What `verifyRequest()` answers; `over` never comes before the case is over. */
  readonly verify?: (plan: ClientPlan, over: Promise<boolean>) => Promise<boolean>;
  /** Whether the handler has ended when it was found in this phase and cut; undefined if that depends on the time. */
  readonly settles?: boolean;
}

const line = (text: string) => (): string => `${text}\n`;
const answered = { answered: true, settles: true };
const verified = { opening: line("echo"), answered: false };

/** How to get into each phase. */
export const PHASE_SCRIPTS: Readonly<Record<Phase, PhaseScript>> = {
  silent: { opening: () => "", answered: false, settles: true },
  part: { opening: () => "ec", answered: false, settles: true },
  idle: { ...answered, opening: line("echo") },
  middle: { ...answered, opening: line("echo"), next: "ec" },
  working: { opening: ({ ms }) => `work ${ms}\n`, answered: true },
  throwing: { opening: ({ ms }) => `throw ${ms}\n`, answered: true },
  answering: { ...answered, opening: ({ pieces }) => `answer ${pieces}\n`, reads: "slowly" },
  unread: { ...answered, opening: ({ pieces }) => `answer ${pieces}\n`, reads: "never" },
  lingering: { ...answered, opening: line("bye"), leaves: true },
  polite: { ...answered, opening: line("polite") },
  watching: { ...answered, opening: line("watch") },
  committing: { ...answered, opening: line("commit") },
  insisting: { opening: line("insist"), answered: true, settles: false },
  closing: { opening: line("echo"), answered: true, last: ({ ms, graceMs }) => `close ${ms} ${graceMs}\n` },
  "closing, insisting": {
    opening: line("echo"),
    answered: true,
    last: ({ ms, graceMs }) => `close-insist ${ms} ${graceMs}\n`,
  },
  "stuck before closing": { ...answered, opening: line("stick before"), ends: true, leaves: true },
  "stuck after closing": { ...answered, opening: line("stick after"), ends: true, leaves: true },
  "verified late": { ...verified, verify: async ({ ms }) => delay(ms, true) },
  "refused late": { ...verified, verify: async ({ ms }) => delay(ms, false) },
  "verified never": { ...verified, settles: true, verify: (_plan, over) => over },
  "verification fails": {
    ...verified,
    verify: async ({ ms }) => {
      await delay(ms);
      throw new Error("thrown on purpose");
    },
  },
};
