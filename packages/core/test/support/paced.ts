import type { Connection } from "@socketserver/core";
import { setTimeout as delay } from "node:timers/promises";

const STEP_MS = 10;

/**
 * Do something for so many bytes at so many per second, a little at a time. By the clock, not by the number of steps: whatever holds this side up for a
 * moment does not make it slower.
 */
async function paced(total: number, bytesPerSecond: number, some: (bytes: number) => Promise<number>): Promise<void> {
  const began = performance.now();
  for (let done = 0; done < total;) {
    const due = Math.min(Math.ceil(((performance.now() - began + STEP_MS) * bytesPerSecond) / 1_000), total);
    if (due > done) done += await some(due - done);
    else await delay(STEP_MS);
  }
}

/** Send bytes at so many per second. */
export function sendPaced(client: Connection, bytes: Buffer, bytesPerSecond: number): Promise<void> {
  let sent = 0;
  return paced(bytes.length, bytesPerSecond, async (count) => {
    await client.sendAll(bytes.subarray(sent, (sent += count)));
    return count;
  });
}

/** Take so many bytes at so many per second. The client should read nothing ahead: its high-water mark is 0. */
export function receivePaced(client: Connection, total: number, bytesPerSecond: number): Promise<void> {
  return paced(total, bytesPerSecond, async (count) => {
    const { length } = await client.recv(count);
    if (length === 0) throw new Error("Cannot receive: the server ended");
    return length;
  });
}
