/**
 * The cells over which Python's tests run: a transport and a way to run requests, with a server, an address and a client for each.
 *
 * `id` is the test of Python's module (SS-01 to SS-12) that the cell descends from; asyncio is not in that module, so a cell that runs
 * requests concurrently on the event loop has the id of its plain neighbour.
 *
 * @module
 */

import {
  AsyncTCPServer,
  AsyncUDPServer,
  AsyncUnixStreamServer,
  TCPServer,
  ThreadingTCPServer,
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
  ScriptedTCPServer,
  ScriptedThreadingTCPServer,
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

/** One cell. */
export interface Cell extends Transport {
  readonly id: string;
  readonly name: string;
  readonly concurrency: "plain" | "async" | "threading";
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

function row(
  transport: Transport,
  id: string,
  concurrency: Cell["concurrency"],
  server: AnyServerClass,
  scripted: AnyServerClass<ScriptedServer>,
): Cell {
  const options = concurrency === "threading" ? { threading: { threads: 1 } } : {};
  return { ...transport, id, name: server.name, concurrency, server, scripted, options };
}

/** Every cell that exists. */
export const CELLS: readonly Cell[] = [
  row(TCP, "SS-01", "plain", TCPServer, ScriptedTCPServer),
  row(TCP, "SS-01", "async", AsyncTCPServer, ScriptedAsyncTCPServer),
  row(TCP, "SS-02", "threading", ThreadingTCPServer, ScriptedThreadingTCPServer),
  row(UDP, "SS-04", "plain", UDPServer, ScriptedUDPServer),
  row(UDP, "SS-04", "async", AsyncUDPServer, ScriptedAsyncUDPServer),
  row(UNIX, "SS-07", "plain", UnixStreamServer, ScriptedUnixStreamServer),
  row(UNIX, "SS-07", "async", AsyncUnixStreamServer, ScriptedAsyncUnixStreamServer),
];

/** The cells of connections. */
export const STREAM_CELLS: readonly Cell[] = CELLS.filter(({ stream }) => stream);

/** The cells of datagrams. */
export const DATAGRAM_CELLS: readonly Cell[] = CELLS.filter(({ stream }) => !stream);

/** Python's cells that other work adds. */
export const COMING: readonly { readonly id: string; readonly name: string }[] = [
  { id: "SS-03", name: "ForkingTCPServer" },
  { id: "SS-05", name: "ThreadingUDPServer" },
  { id: "SS-06", name: "ForkingUDPServer" },
  { id: "SS-08", name: "ThreadingUnixStreamServer" },
  { id: "SS-09", name: "ForkingUnixStreamServer" },
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
