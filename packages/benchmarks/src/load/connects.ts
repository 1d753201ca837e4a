import { connect } from "node:net";

import { bounded } from "./bounded.ts";

/** How many connections, and how many of them at once. */
export interface ConnectsOptions {
  readonly connections: number;
  readonly atOnce: number;
}

const MESSAGE = Buffer.alloc(64, "x");

/**
 * Connect, send 64 bytes, get them back, end, wait for the server's end, and then the next, several at once. Resolves with the seconds that
 * took.
 *
 * The client ends first, so that its side is the one that the kernel remembers for a minute. On its own machine Linux gives such a port
 * out again after a second; still, a round is better not of more than ten thousand.
 *
 * @throws Error if what comes back differs from what was sent, or a connection ends in any other way.
 */
export async function connects(port: number, { connections, atOnce }: ConnectsOptions): Promise<number> {
  let left = connections;
  const started = performance.now();
  const client = async (): Promise<void> => {
    while (left-- > 0) await visit(port);
  };
  await bounded(Promise.all(Array.from({ length: atOnce }, client)), `${connections} connections`);
  return (performance.now() - started) / 1000;
}

function visit(port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const received: Buffer[] = [];
  let length = 0;
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true }, () => socket.write(MESSAGE));
  socket.on("data", (chunk: Buffer) => {
    received.push(chunk);
    length += chunk.length;
    if (length >= MESSAGE.length) socket.end();
  });
  // Too early: our half would stay open.
  socket.once("end", () => length < MESSAGE.length && socket.destroy());
  socket.once("error", reject);
  socket.once("close", () => {
    if (MESSAGE.equals(Buffer.concat(received))) resolve();
    else reject(new Error("Cannot go on: the answer differs from what was sent"));
  });
  return promise;
}
