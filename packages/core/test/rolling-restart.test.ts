/**
 * The proof: a rolling restart (the listener kept, the server replaced) under clients that retry only a connect that was refused before the first byte.
 * Every request is handled exactly once and answered exactly once.
 *
 * The clients are a process of their own, as clients are: in that of the server, nothing of theirs could come between two of its steps.
 */
import { dial, leakCheck } from "@socketserver/testing";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { SERVER_CELLS } from "./conformance/matrix.ts";
import { NumberedHandler, PatientNumberedHandler } from "./fixtures/numbered-handlers.ts";
import { eventually } from "./support/eventually.ts";
import type { Habit, NumberedClients } from "./support/numbered-clients.ts";
import { Program } from "./support/program.ts";
import { Succession } from "./support/succession.ts";
import { temporaryPath } from "./support/temporary-path.ts";

let expectNothingLeft: () => Promise<void>;

beforeEach(() => {
  expectNothingLeft = leakCheck();
});

afterEach(() => expectNothingLeft());

const NAMES = ["AsyncTCPServer", "ThreadingTCPServer", "ForkingTCPServer", "AsyncUnixStreamServer"];
const CELLS = SERVER_CELLS.filter(({ name }) => NAMES.includes(name));

/** The same again with `ROLLING_SEED`. */
const SEED = Number(process.env["ROLLING_SEED"] ?? Date.now() % 1_000_000);

/** How often the server is replaced. */
const RESTARTS = 6;

/** What the clients tell in the end. */
type Outcome = Pick<NumberedClients, "sent" | "failures" | "refused" | "ended"> & {
  readonly answers: readonly (readonly [number: number, times: number])[];
};

/** Numbers that were not counted exactly once. */
function notOnce(counts: ReadonlyMap<number, number>, sent: number): string[] {
  const numbers = Array.from({ length: sent }, (_, index) => index + 1);
  const strange = numbers.filter((number) => counts.get(number) !== 1);
  return strange.map((number) => `${number}: ${counts.get(number) ?? 0} times`);
}

/** How often each number is in a journal. */
async function countsIn(journal: string): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  for (const line of (await readFile(journal, "utf8")).trim().split("\n")) {
    counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1);
  }
  return counts;
}

/** Replace the server again and again, every other time once it has served, while clients of these habits come. */
async function rollUnderClients(line: Succession, journal: string, habits: readonly Habit[]): Promise<Outcome> {
  const path = new URL("./fixtures/numbered-clients-program.ts", import.meta.url).pathname;
  const address = JSON.stringify(line.address);
  await using program = new Program(process.execPath, [path, address, journal, String(SEED), ...habits]);
  await program.line(/^started$/);
  for (let restart = 0; restart < RESTARTS; restart++) {
    const { server } = line;
    if (restart % 2 === 0) await eventually(() => expect(server.statistics.taken).toBeGreaterThan(10));
    await delay(10);
    await line.takeOver();
  }
  await eventually(() => expect(line.server.statistics.taken).toBeGreaterThan(10));
  program.input("");
  const { code, stderr } = await program.end();
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(program.lines.at(-1) as string) as Outcome;
}

describe.each(CELLS)("a rolling restart of $name", (cell) => {
  test.each<[string, readonly Habit[], unknown]>([
    ["with one request for each connection, and with several", ["once", "again"], NumberedHandler],
    ["that take their time, of a handler that waits for them", ["late", "again"], PatientNumberedHandler],
  ])("answers every request of clients %s exactly once", async (_name, habits, handler) => {
    const line = await Succession.begin(cell, handler);
    const journal = await temporaryPath("journal");
    const { sent, answers, failures, ended } = await rollUnderClients(line, journal, habits);
    await line.close();
    const told = `seed ${SEED}, ${sent} requests, ${ended} connections that ended`;
    expect(failures, told).toEqual([]);
    expect(notOnce(new Map(answers), sent), told).toEqual([]);
    expect(notOnce(await countsIn(journal), sent), told).toEqual([]);
    expect(line.complaints, told).toEqual([]);
    const reports = await Promise.all(line.servers.map((server) => server.close()));
    for (const report of reports) expect(report, told).toMatchObject({ cut: [], neverSettled: 0, refused: 0 });
  });

  test("answers a client that was taken, and had not sent its request when the server was replaced", async () => {
    await using line = await Succession.begin(cell, NumberedHandler);
    await using client = await dial(line.address);
    await eventually(() => expect(line.server.activeRequests).toBe(1));
    await line.takeOver();
    // As long as a client is on its way that sends at once, and is far away.
    await delay(50);
    await client.sendAll(`1 ${await temporaryPath("journal")} 0\n`);
    expect(String(await client.recv())).toBe("1\n");
  });
});
