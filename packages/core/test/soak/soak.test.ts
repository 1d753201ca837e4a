/**
 * Servers under mixed load and faults for as long as one likes: what they have open at quiet moments stays the same,
 * and no request is lost from the books.
 *
 * `SOAK_MS` says for how long in all, `SOAK_SEED` in which order things happen, and `SOAK_SERVERS` which servers take
 * part, all of them unless it does. They run in programs of their own, so that nothing else is counted.
 */
import { leakCheck } from "@socketserver/testing";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";

import type { SoakCheckpoint, SoakFindings, SoakOutcome } from "../fixtures/soak-program.ts";
import { SOAK_SERVER_NAMES } from "../support/soak-servers.ts";

const SOAK_MS = Number(process.env["SOAK_MS"] ?? 6_000);
const SEED = Number(process.env["SOAK_SEED"] ?? randomInt(2 ** 32));
const SAYS = `with SOAK_SEED=${SEED}`;
const PROGRAM = new URL("../fixtures/soak-program.ts", import.meta.url).pathname;

const CHOSEN = process.env["SOAK_SERVERS"]?.split(",");
/**
 * Those with processes apart: a socket that has moved to a thread is inherited by every process that starts meanwhile.
 */
const PROGRAMS = [
  SOAK_SERVER_NAMES.filter((name) => !name.startsWith("Forking")),
  SOAK_SERVER_NAMES.filter((name) => name.startsWith("Forking")),
]
  .map((names) => names.filter((name) => CHOSEN?.includes(name) ?? true))
  .filter((names) => names.length > 0);
const EACH_MS = SOAK_MS / PROGRAMS.length;
/** For the rounds that a short soak needs all the same, for starts and ends, and for a loaded machine. */
const BESIDE_MS = 120_000;

const MIB = 1_048_576;

/** What happens to the clients of each server, so that one that was spared something fails. */
const STREAM_REASONS =
  "aborted done drain first-byte handler-error idle peer-end peer-reset slow-reader slow-sender too-big";
const REASONS: Readonly<Record<string, string>> = {
  AsyncTCPServer: STREAM_REASONS,
  AsyncUDPServer: "done drain handler-error",
  AsyncUnixStreamServer: STREAM_REASONS,
  ForkingTCPServer: `${STREAM_REASONS} worker-lost`,
  ThreadingTCPServer: `${STREAM_REASONS} worker-lost`,
};
const TCP_DROPS = "denied draining max-connections-per-address queue-full";
const DROPS: Readonly<Record<string, string>> = {
  AsyncTCPServer: TCP_DROPS,
  AsyncUDPServer: "denied packet-too-big queue-full",
  AsyncUnixStreamServer: "draining max-connections",
  ForkingTCPServer: TCP_DROPS,
  ThreadingTCPServer: TCP_DROPS,
};

async function soak(names: readonly string[]): Promise<SoakFindings> {
  const args = ["--expose-gc", PROGRAM, String(EACH_MS), String(SEED), ...names];
  const settings = { timeout: EACH_MS + BESIDE_MS - 10_000, maxBuffer: 64 * MIB };
  const { stdout } = await promisify(execFile)(process.execPath, args, settings);
  return JSON.parse(stdout) as SoakFindings;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] as number;
}

function expectFlat({ start, checkpoints, end }: SoakFindings): void {
  const open = ({ descriptors, children, active }: SoakCheckpoint): object => ({ descriptors, children, active });
  const [first] = checkpoints as [SoakCheckpoint];
  for (const checkpoint of checkpoints) expect(open(checkpoint), SAYS).toEqual(open(first));

  const third = Math.floor(checkpoints.length / 3);
  const early = median(checkpoints.slice(0, third).map(({ heapUsed }) => heapUsed));
  const late = median(checkpoints.slice(-third).map(({ heapUsed }) => heapUsed));
  expect(late / MIB, SAYS).toBeLessThanOrEqual((early * 1.1) / MIB + 2);

  // The runtime opens some descriptors when it first needs them, and keeps those.
  expect({ ...open(end), descriptors: 0 }, SAYS).toEqual({ ...open(start), descriptors: 0 });
}

/** No other kinds than expected, and nearly all of them: on a machine that is held up, one may give way to another. */
function expectKinds(kinds: readonly string[], expected = "", says = ""): void {
  const known = expected.split(" ");
  expect(known, says).toEqual(expect.arrayContaining([...kinds]));
  expect(kinds.length, says).toBeGreaterThanOrEqual(known.length - 1);
}

function expectBalanced({ name, ledger, drain }: SoakOutcome): void {
  const says = `${name} ${SAYS}`;
  expect(ledger.violations, says).toEqual([]);
  expect(ledger.closed, says).toBe(ledger.requests);
  expectKinds(Object.keys(ledger.reasons), REASONS[name], says);
  expectKinds(Object.keys(ledger.drops), DROPS[name], says);

  const { report, reportInside } = drain;
  for (const { open, finished, cut, callers } of [report, reportInside ?? report]) {
    expect(open, says).toBe(drain.open);
    expect(finished + cut.length + callers, says).toBe(open);
    expect(finished, says).toBeGreaterThan(0);
    expect(cut.length, says).toBeGreaterThan(0);
  }
  expect(report, says).toMatchObject({ callers: 0, refused: drain.refused, neverSettled: 0 });
  if (reportInside !== undefined) expect(reportInside.callers, says).toBe(1);
}

describe("servers under mixed load and faults", () => {
  beforeEach(() => leakCheck());

  test.each(PROGRAMS.map((names) => [names.join(", "), names] as const))(
    `leave nothing open, and account for every request, for ${SOAK_MS} ms in all: %s`,
    async (_title, names) => {
      const findings = await soak(names);
      expectFlat(findings);
      for (const outcome of findings.outcomes) expectBalanced(outcome);
      expect(findings.outcomes.map(({ name }) => name)).toEqual(names);
    },
    EACH_MS + BESIDE_MS,
  );
});
