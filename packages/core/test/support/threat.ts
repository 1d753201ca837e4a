/**
 * One attack, and the proof of its defence: the same attack twice, once with the defence and once without.
 *
 * The second one is what makes the first one worth anything: an attack that achieves nothing against a server without the defence proves
 * nothing about the defence. Where the defence is an option, the second one switches it off; where it is a part of the framework that no option
 * switches off, the second one is run against a program that lacks it.
 *
 * @module
 */

import type { RunningServer } from "@socketserver/testing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, test } from "vitest";

import { CELLS, serveIn, type Cell } from "../conformance/matrix.ts";
import { Program } from "./program.ts";
import { ThreatClients } from "./threat-clients.ts";

/** Options, or what makes them for a cell. */
type CellOptions = object | ((cell: Cell) => object);

/** A server after the attack. */
export interface AttackedServer<Spoils> {
  readonly cell: Cell;
  readonly running: RunningServer;
  readonly clients: ThreatClients;
  /** What the attack answered. */
  readonly spoils: Spoils;
}

/** A program after the attack. */
export interface AttackedProgram<Spoils> {
  readonly program: Program;
  readonly clients: ThreatClients;
  readonly spoils: Spoils;
}

/** The defence, and what it makes of the attack. */
interface Met<Spoils> {
  readonly options?: CellOptions;
  readonly outcome: (attacked: AttackedServer<Spoils>) => Promise<void>;
}

/** The same options without the defence, or another handler, and what the attack achieves then. */
interface SwitchedOff<Spoils> extends Met<Spoils> {
  /** Where. @defaultValue the first of those that meet it */
  readonly servers?: readonly Cell[];
  readonly handler?: unknown;
}

/** A program of the fixtures that lacks the defence and prints its port, and what the attack achieves there. */
interface Lacking<Spoils> {
  readonly program: readonly [name: string, ...args: string[]];
  readonly outcome: (attacked: AttackedProgram<Spoils>) => Promise<void>;
}

/** An attack, and what becomes of it. */
interface Attack<Spoils> {
  /** The servers that it is tried on. */
  readonly servers: readonly Cell[];
  /** The handler. @defaultValue that of the cell, which echoes one line */
  readonly handler?: unknown;
  /** Options with and without the defence. */
  readonly options?: CellOptions;
  /** Done to the server before the attack, with and without the defence. */
  readonly prepare?: (running: RunningServer) => void;
  readonly attack: (clients: ThreatClients) => Spoils | Promise<Spoils>;
  readonly met: Met<Spoils>;
}

/** An attack, and what becomes of it with the defence and without. */
export type Threat<Spoils> = Attack<Spoils> &
  (
    | { readonly switchedOff: SwitchedOff<Spoils>; readonly lacking?: undefined }
    | { readonly switchedOff?: undefined; readonly lacking: Lacking<Spoils> }
  );

/** Short, because attackers do not end their side; whoever attacks these options sets them. */
const HASTE = { lingerMs: 50, graceMs: 100 };

/** Prove a defence: the title names the attack, in the words of the table of threats. */
export function threat<Spoils>(title: string, how: Threat<Spoils>): void {
  const { servers, handler, met, switchedOff, lacking } = how;
  describe(title, () => {
    beforeEach(() => leakCheck());

    for (const cell of servers) {
      test(`is met by ${cell.name}`, () => attackServer(cell, how, met, handler));
    }
    if (switchedOff !== undefined) {
      for (const cell of switchedOff.servers ?? servers.slice(0, 1)) {
        test(`succeeds with the defence switched off: ${cell.name}`, () =>
          attackServer(cell, how, switchedOff, switchedOff.handler ?? handler));
      }
    }
    if (lacking !== undefined) {
      test(`succeeds without the defence: ${lacking.program.join(" ")}`, () => attackProgram(how, lacking));
    }
  });
}

/** The TCP servers, each once. */
export const TCP_CELLS = CELLS.filter(({ name, relayed }) => name.endsWith("TCPServer") && !relayed);

/** Those of some cells that run requests in these ways. */
export function those(cells: readonly Cell[], ...ways: Cell["concurrency"][]): readonly Cell[] {
  return cells.filter(({ concurrency }) => ways.includes(concurrency));
}

/** Options for the one worker of a cell. */
export function worker({ concurrency, options }: Cell, pool: object): object {
  const given = (options as Readonly<Record<string, object>>)[concurrency];
  return given === undefined ? {} : { [concurrency]: { ...given, ...pool } };
}

/** Options that let as many handlers run at once; a plain server runs one. */
export function atOnce(cell: Cell, count: number): object {
  if (cell.concurrency === "async") return { async: { maxConcurrentRequests: count } };
  return worker(cell, { requestsPerWorker: count });
}

async function attackServer<Spoils>(
  cell: Cell,
  { attack, options, prepare }: Attack<Spoils>,
  { options: special, outcome }: Met<Spoils>,
  handler: unknown = cell.echoHandler,
): Promise<void> {
  const running = await serveIn(cell, handler, { ...HASTE, ...made(options, cell), ...made(special, cell) });
  const clients = new ThreatClients(running.address, cell.stream);
  try {
    prepare?.(running);
    await outcome({ cell, running, clients, spoils: await attack(clients) });
  } finally {
    clients.leave();
    await running.close({ graceMs: 0 });
  }
}

async function attackProgram<Spoils>(
  { attack, servers }: Attack<Spoils>,
  { program: [name, ...args], outcome }: Lacking<Spoils>,
): Promise<void> {
  const path = new URL(`../fixtures/${name}`, import.meta.url).pathname;
  await using program = new Program(process.execPath, [path, ...args]);
  const [, port] = await program.line(/^port (\d+)$/);
  using clients = new ThreatClients({ host: "127.0.0.1", port: Number(port) }, servers[0]?.stream === true);
  await outcome({ program, clients, spoils: await attack(clients) });
}

function made(options: CellOptions = {}, cell: Cell): object {
  return typeof options === "function" ? (options as (cell: Cell) => object)(cell) : options;
}
