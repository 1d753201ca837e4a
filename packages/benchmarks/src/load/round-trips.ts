import type { Socket } from "node:net";

import { bounded } from "./bounded.ts";
import type { OpenConnections } from "./open-connections.ts";

/** What is sent, and how often. */
export interface RoundTripsOptions {
  /** Messages altogether. */
  readonly times: number;
  /** What the connection with this index sends, and has to get back. */
  readonly message: (index: number) => Buffer;
}

/**
 * Send a message on every connection and the next one as soon as it has come back, `times` messages altogether. Resolves with the seconds
 * that took.
 *
 * @throws Error if what comes back differs from what was sent, or the server ends a connection.
 */
export async function roundTrips({ sockets }: OpenConnections, { times, message }: RoundTripsOptions): Promise<number> {
  let left = times;
  const started = performance.now();
  const loads = sockets.map((socket, index) => loop(socket, message(index), () => left-- > 0));
  await bounded(Promise.all(loads), `${times} round trips`);
  return (performance.now() - started) / 1000;
}

/** Round trips on one connection, as long as `next()` says so. */
function loop(socket: Socket, message: Buffer, next: () => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let received = 0;
  const send = (): void => {
    received = 0;
    if (next()) socket.write(message);
    else stop(resolve);
  };
  const onData = (chunk: Buffer): void => {
    const expected = message.subarray(received, received + chunk.length);
    received += chunk.length;
    if (!chunk.equals(expected)) stop(() => reject(new Error("Cannot go on: the answer differs from what was sent")));
    else if (received === message.length) send();
  };
  const onClose = (): void => stop(() => reject(new Error("Cannot go on: the server ended the connection")));
  const stop = (settle: () => void): void => {
    socket.off("data", onData).off("end", onClose).off("close", onClose).off("error", reject);
    settle();
  };
  socket.on("data", onData).on("end", onClose).on("close", onClose).on("error", reject);
  send();
  return promise;
}
