/**
 * What the kernel has not got rid of yet.
 *
 * It takes a megabyte at once, and says that there is room again when a third of that has left: until then a peer that reads slowly looks like one that
 * does not read. Linux shows the queue of every TCP socket in a table, which is read when a peer is about to be blamed, and then for all of them at once.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { ipv6Groups } from "../ipv6-groups.ts";

const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/** How old a picture of the table may be, in milliseconds: reading it takes some microseconds for each socket of the machine, also for one that only waits for its end. */
const MAX_AGE_MS = 100;

const HEX = 16;

/** In a line: our end, the other end, and the bytes that are to be sent. */
const LINE = /^ *\d+: ([0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/gm;

let queues = new Map<string, number>();
let readAt = -Infinity;

/** A stream whose socket is elsewhere, and which was told of its queue when it last asked what was on its way. */
interface Distant {
  readonly sendQueue: number | undefined;
}

/** Whether `sendQueueOf()` knows this stream. */
export function showsSendQueue(stream: Duplex): boolean {
  if ("sendQueue" in stream) return true;
  return process.platform === "linux" && stream instanceof Socket && stream.remotePort !== undefined;
}

/** Bytes that the kernel has been given for the peer of a TCP socket and that it has not acknowledged; undefined if nobody knows. */
export function sendQueueOf(stream: Duplex | (Duplex & Distant)): number | undefined {
  if ("sendQueue" in stream) return stream.sendQueue;
  if (!(stream instanceof Socket) || !showsSendQueue(stream)) return undefined;
  const { localAddress, localPort, remoteAddress, remotePort } = stream;
  if (localAddress === undefined || localPort === undefined) return undefined;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  readTables();
  return queues.get(`${inTable(localAddress, localPort)} ${inTable(remoteAddress, remotePort)}`);
}

function readTables(): void {
  const now = performance.now();
  if (now - readAt < MAX_AGE_MS) return;
  readAt = now;
  queues = new Map();
  for (const table of TABLES) {
    try {
      for (const [, local, remote, bytes = ""] of readFileSync(table, "latin1").matchAll(LINE)) {
        queues.set(`${local} ${remote}`, Number.parseInt(bytes, HEX));
      }
    } catch {
      // There is no such table, or no descriptor to read it with.
    }
  }
}

/** An address as the table has it: each 32 bits of it in the order of the machine. */
function inTable(host: string, port: number): string {
  const words = host.includes(":") ? wordsOf(host) : [Buffer.from(host.split(".").map(Number)).readUInt32LE()];
  const hex = (value: number, digits: number): string => value.toString(HEX).toUpperCase().padStart(digits, "0");
  return `${words.map((word) => hex(word, 8)).join("")}:${hex(port, 4)}`;
}

function wordsOf(host: string): number[] {
  const bytes = Buffer.alloc(16);
  for (const [index, group] of ipv6Groups(host).entries()) bytes.writeUInt16BE(group, index * 2);
  return [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(offset));
}
