/**
 * The cells over which Python's tests run: a transport and a way to run requests, with a server, an address and a client for each.
 *
 * `id` is the test of Python's module (SS-01 to SS-12) that the cell descends from; asyncio is not in that module, so a cell that runs
 * requests concurrently on the event loop has the id of its plain neighbour. Where a socket can move to a worker, a second cell relays its bytes
 * instead, as a runtime does that cannot move it.
 *
 * @module
 */

import {
  AsyncTCPServer,
  AsyncUDPServer,
  AsyncUnixStreamServer,
  ForkingTCPServer,
  ForkingUDPServer,
  ForkingUnixStreamServer,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  ThreadingUnixStreamServer,
  UDPServer,
  UnixStreamServer,
  type Address,
  type BaseServer,
} from "@socketserver/core";
import { dial, serve, talk, talkDatagram, type AnyServerClass, type RunningServer } from "@socketserver/testing";

import { EchoLineHandler, EchoPacketHandler } from "../fixtures/echo-handlers.ts";
import {
  ScriptedAsyncTCPServer,
  ScriptedAsyncUDPServer,
  ScriptedAsyncUnixStreamServer,
  ScriptedForkingTCPServer,
  ScriptedForkingUDPServer,
  ScriptedForkingUnixStreamServer,
  ScriptedTCPServer,
  ScriptedThreadingTCPServer,
  ScriptedThreadingUDPServer,
  ScriptedThreadingUnixStreamServer,
  ScriptedUDPServer,
  ScriptedUnixStreamServer,
  type ScriptedMembers,
} from "../fixtures/scripted-servers.ts";
import { sendDatagram } from "../support/send-datagram.ts";
import { temporaryPath } from "../support/temporary-path.ts";

/** A server whose hooks an option scripts. */
export type ScriptedServer = BaseServer & ScriptedMembers;

/** What differs from transport to transport. */
interface Transport {
  readonly stream: boolean;
  /** Echoes one line. */
  readonly echoHandler: unknown;
  /** Where to listen. */
  readonly address: () => Promise<unknown>;
  /** Send a line, and answer what comes back. */
  readonly ask: (address: Address, line: string) => Promise<Buffer | undefined>;
  /** Send a request to a server that will not answer. */
  readonly provoke: (address: Address) => Promise<void>;
}

/** A way to run requests. */
export type Concurrency = "plain" | "async" | "threading" | "forking";

/** One cell. */
export interface Cell extends Transport {
  readonly id: string;
  readonly name: string;
  readonly concurrency: Concurrency;
  /** Whether handlers run in threads or processes. */
  readonly inWorkers: boolean;
  /** Whether this is the second cell of its server, which differs in how connections reach the workers alone. */
  readonly relayed: boolean;
  readonly server: AnyServerClass;
  readonly scripted: AnyServerClass<ScriptedServer>;
  readonly options: object;
}

const TCP: Transport = {
  stream: true,
  echoHandler: EchoLineHandler,
  address: async () => ({ port: 0 }),
  ask: (address, line) => talk(address, line, { halfClose: false }),
  provoke: async (address) => {
    const client = await dial(address);
    await client.close();
  },
};

const UNIX: Transport = { ...TCP, address: async () => ({ path: await temporaryPath() }) };

const UDP: Transport = {
  stream: false,
  echoHandler: EchoPacketHandler,
  address: async () => ({ port: 0 }),
  ask: talkDatagram,
  provoke: (address) => sendDatagram(address, "anything\n"),
};

/** One worker each: a second one would only take longer to start. */
const OPTIONS: Readonly<Record<Concurrency, object>> = {
  plain: {},
  async: {},
  threading: { threading: { threads: 1 } },
  forking: { forking: { processes: 1 } },
};

function row(
  transport: Transport,
  id: string,
  concurrency: Concurrency,
  server: AnyServerClass,
  scripted: AnyServerClass<ScriptedServer>,
): Cell {
  const inWorkers = concurrency === "threading" || concurrency === "forking";
  const options = OPTIONS[concurrency];
  return { ...transport, id, name: server.name, concurrency, inWorkers, relayed: false, server, scripted, options };
}

/** The cell whose connections are relayed to its workers. */
function relayed(cell: Cell): Cell {
  const workers = cell.concurrency === "forking" ? { processes: 1 } : { threads: 1 };
  const options = { [cell.concurrency]: { ...workers, relay: true } };
  return { ...cell, name: `${cell.name} (relay)`, relayed: true, options };
}

const THREADING_TCP = row(TCP, "SS-02", "threading", ThreadingTCPServer, ScriptedThreadingTCPServer);
const FORKING_TCP = row(TCP, "SS-03", "forking", ForkingTCPServer, ScriptedForkingTCPServer);

/** Every cell that exists. */
export const CELLS: readonly Cell[] = [
  row(TCP, "SS-01", "plain", TCPServer, ScriptedTCPServer),
  row(TCP, "SS-01", "async", AsyncTCPServer, ScriptedAsyncTCPServer),
  THREADING_TCP,
  relayed(THREADING_TCP),
  FORKING_TCP,
  relayed(FORKING_TCP),
  row(UDP, "SS-04", "plain", UDPServer, ScriptedUDPServer),
  row(UDP, "SS-04", "async", AsyncUDPServer, ScriptedAsyncUDPServer),
  row(UDP, "SS-05", "threading", ThreadingUDPServer, ScriptedThreadingUDPServer),
  row(UDP, "SS-06", "forking", ForkingUDPServer, ScriptedForkingUDPServer),
  row(UNIX, "SS-07", "plain", UnixStreamServer, ScriptedUnixStreamServer),
  row(UNIX, "SS-07", "async", AsyncUnixStreamServer, ScriptedAsyncUnixStreamServer),
  row(UNIX, "SS-08", "threading", ThreadingUnixStreamServer, ScriptedThreadingUnixStreamServer),
  row(UNIX, "SS-09", "forking", ForkingUnixStreamServer, ScriptedForkingUnixStreamServer),
];

/** The cells of connections. */
export const STREAM_CELLS: readonly Cell[] = CELLS.filter(({ stream }) => stream);

/** The cells of datagrams. */
export const DATAGRAM_CELLS: readonly Cell[] = CELLS.filter(({ stream }) => !stream);

/** The cells whose handlers run in threads or processes. */
export const WORKER_CELLS: readonly Cell[] = CELLS.filter(({ inWorkers }) => inWorkers);

/** One cell for each server: what comes before a request does not differ between the two cells of a server. */
export const SERVER_CELLS: readonly Cell[] = CELLS.filter((cell) => !cell.relayed);

/** Python's cells that other work adds. */
export const COMING: readonly { readonly id: string; readonly name: string }[] = [
  { id: "SS-10", name: "UnixDatagramServer" },
  { id: "SS-11", name: "ThreadingUnixDatagramServer" },
  { id: "SS-12", name: "ForkingUnixDatagramServer" },
];

/** Make the server of a cell, which the test serves with and closes. */
export async function make(cell: Cell, handler = cell.echoHandler): Promise<BaseServer> {
  return new cell.server((await cell.address()) as never, handler as never, cell.options as never);
}

/** Serve in a cell; whoever calls it closes it. */
export async function serveIn(cell: Cell, handler = cell.echoHandler, options: object = {}): Promise<RunningServer> {
  return serve(handler, {
    server: cell.server,
    address: await cell.address(),
    options: { ...cell.options, ...options },
  });
}

/** Serve in a cell with a scripted server; whoever calls it closes it. */
export async function serveScripted(
  cell: Cell,
  script: ScriptedMembers["options"]["script"],
  handler = cell.echoHandler,
): Promise<RunningServer<ScriptedServer>> {
  return serve(handler, { server: cell.scripted, address: await cell.address(), options: { ...cell.options, script } });
}
