/**
 * Drains, whatever phase they find requests in, over generated cases.
 *
 * `DRAIN_CASES` says how many, `DRAIN_SEED` which ones, and `DRAIN_ONLY` the number of one of them that is to run alone. How long things take is up to
 * the machine. Many cases run at once, because most of what they do is wait.
 */
import { leakCheck } from "@socketserver/testing";
import fc from "fast-check";
import { randomInt } from "node:crypto";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";

import { runDrainCase } from "./support/drain-case.ts";
import { checkDrain } from "./support/drain-checks.ts";
import { drainPlans, type DrainPlan } from "./support/drain-plans.ts";
import { STAGES, type StageName } from "./support/drain-stages.ts";
import { temporaryPath } from "./support/temporary-path.ts";

const CASES = Number(process.env["DRAIN_CASES"] ?? 200);
const SEED = Number(process.env["DRAIN_SEED"] ?? randomInt(2 ** 31));
const ONLY = process.env["DRAIN_ONLY"];

/** One in so many has workers: they take their time to start. */
const WORKERS_SHARE = 25;

/** Cases that fail before the rest is left out. */
const SHOWN = 3;

interface Kind {
  readonly name: string;
  readonly servers: readonly StageName[];
  readonly count: number;
  readonly atOnce: number;
}

const KINDS: readonly Kind[] = [
  {
    name: "one at a time or on the event loop",
    servers: ["TCP", "AsyncTCP", "AsyncTCP", "AsyncTCP", "AsyncTCP", "Unix", "AsyncUnix", "UDP", "AsyncUDP"],
    count: CASES - Math.ceil(CASES / WORKERS_SHARE),
    atOnce: 24,
  },
  {
    name: "in workers",
    servers: ["ThreadingTCP", "ThreadingTCP", "ThreadingUnix", "ThreadingUDP", "ForkingTCP", "ForkingUDP"],
    count: Math.ceil(CASES / WORKERS_SHARE),
    atOnce: 3,
  },
];

beforeEach(() => leakCheck());

/** Run these, several at once; answers what failed. */
async function failuresOf(plans: readonly DrainPlan[], atOnce: number): Promise<Error[]> {
  const failures: Error[] = [];
  const directory = dirname(await temporaryPath());
  const numbered = [...plans.entries()].filter(([number]) => ONLY === undefined || Number(ONLY) === number).values();
  const runner = async (): Promise<void> => {
    for (const [number, plan] of numbered) {
      const address = STAGES[plan.server].path ? { path: join(directory, `${number}.sock`) } : { port: 0 };
      await runDrainCase(plan, address, checkDrain).catch((cause: unknown) => {
        const message = `Case ${number} of DRAIN_CASES=${CASES} DRAIN_SEED=${SEED}: ${fc.stringify(plan)}`;
        failures.push(new Error(`${message}\n${(cause as Error).message}`, { cause }));
      });
      if (failures.length >= SHOWN) return;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runner));
  return failures;
}

describe.each(KINDS)("a drain of requests that run $name", ({ servers, count, atOnce }) => {
  test(
    "ends in time, and its report adds up, in generated cases",
    async () => {
      const plans = fc.sample(drainPlans(servers), { numRuns: count, seed: SEED });
      expect(plans).toHaveLength(count);
      const failures = await failuresOf(plans, atOnce);
      if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join("\n\n"));
    },
    60_000 + 300 * CASES,
  );
});
