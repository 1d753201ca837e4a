import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

import { bounded } from "./bounded.ts";

/** What to send. */
export interface DatagramLoad {
  /** How many datagrams are sent and have to come back. */
  readonly count: number;
  /** Bytes of each. */
  readonly size: number;
  /** How many are on their way at once. */
  readonly inFlight: number;
}

/** On loopback a datagram that has not come back by then was dropped: the kernel may, when a queue is full. */
const LOST_MS = 200;

/** More than this share of lost ones, and it is no echo any more that is measured. */
const MOST_LOST = 0.05;

/**
 * Send datagrams and get them back, always so many on their way; one that is lost is sent again. Each carries its number, and counts once.
 *
 * @returns The seconds that it took.
 */
export async function datagrams(port: number, load: DatagramLoad): Promise<number> {
  const socket = createSocket("udp4");
  try {
    socket.connect(port, "127.0.0.1");
    await once(socket, "connect");
    const started = performance.now();
    await bounded(echoAll(socket, load), `${load.count} datagrams`);
    return (performance.now() - started) / 1000;
  } finally {
    socket.close();
  }
}

function echoAll(socket: Socket, { count, size, inFlight }: DatagramLoad): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const payload = Buffer.alloc(size, "x");
  /** When each was sent that has not come back. */
  const missing = new Map<number, number>();
  let next = 0;
  let lost = 0;

  const send = (number: number): void => {
    missing.set(number, performance.now());
    const data = Buffer.from(payload);
    data.writeUInt32BE(number);
    socket.send(data);
  };
  const resend = setInterval(() => {
    for (const [number, sent] of missing) {
      if (performance.now() - sent < LOST_MS) continue;
      if (++lost > Math.max(inFlight, count * MOST_LOST)) {
        reject(new Error(`Cannot finish ${count} datagrams: ${lost} were lost`));
        return;
      }
      send(number);
    }
  }, LOST_MS / 4);
  socket.on("error", reject);
  socket.on("message", (data) => {
    if (data.length !== size || data[size - 1] !== payload[size - 1]) {
      reject(new Error(`Cannot finish ${count} datagrams: an answer of ${data.length} bytes is not what was sent`));
      return;
    }
    // A second answer to one that was sent again.
    if (!missing.delete(data.readUInt32BE())) return;
    if (next < count) send(next++);
    else if (missing.size === 0) resolve();
  });
  while (next < Math.min(inFlight, count)) send(next++);
  return promise.finally(() => clearInterval(resend));
}
