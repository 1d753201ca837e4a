/**
 * Very many connections cross to workers, and nothing of them is lost on the way. `HAND_OVERS` says how many.
 *
 * Each client sends at once, before anybody has accepted it, and half of them end their side with that: what the kernel has of a connection when it
 * moves must be there when it has moved.
 */
import { ForkingTCPServer, ThreadingTCPServer } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { connect } from "node:net";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { ChunkLoopHandler } from "../fixtures/conversation-handlers.ts";
import { countedHost } from "../support/counted-host.ts";

const HAND_OVERS = Number(process.env["HAND_OVERS"] ?? 4_000);
const AT_ONCE = 100;
/** Clients of one address: so many ports of it are busy at once. */
const PER_HOST = 1_000;
/** How long a client waits in silence, in milliseconds; far beyond what a loaded machine needs. */
const PATIENCE_MS = 20_000;
/** For one connection, in milliseconds: many times what it takes. */
const GENEROUS_MS = 15;

/** Send a message, half-closing at once or when it has come back; resolves when the connection is closed, with what is wrong with the answer. */
function exchange(port: number, index: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const message = `message ${index}`;
  const localAddress = countedHost(1 + Math.floor(index / PER_HOST));
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  let answer = "";
  let failure: string | undefined;
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("stuck")));
  socket.on("error", (error) => (failure = error.message));
  socket.on("data", (data) => {
    answer += String(data);
    if (answer.length === message.length) socket.end();
  });
  socket.on("close", () => {
    if (answer !== message) failure ??= "not what was sent";
    resolve(failure === undefined ? undefined : `client ${index}: ${failure}, it got "${answer}"`);
  });
  if (index % 2 === 0) socket.end(message);
  else socket.write(message);
  return promise;
}

describe("handing over very many connections", () => {
  beforeEach(() => leakCheck());

  test.each([
    ["transferred to threads", ThreadingTCPServer, { threading: { threads: 2 } }, "transfer"],
    ["sent to processes", ForkingTCPServer, { forking: { processes: 2 } }, "send"],
  ] as const)(
    "loses no byte of those that are %s",
    async (_name, server, options, handOver) => {
      await using running = await serve<ThreadingTCPServer | ForkingTCPServer>(ChunkLoopHandler, { server, options });
      expect(running.server).toMatchObject({ handOver });
      const failures: string[] = [];
      let next = 0;
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (next < HAND_OVERS) {
            const failure = await exchange(running.port, next++);
            if (failure !== undefined) failures.push(failure);
          }
        }),
      );
      expect(failures).toEqual([]);
      await running.closedCount(HAND_OVERS);
      // `closeRequest()` of a worker ends a moment after the connection.
      await vi.waitFor(() => expect(running.server.activeRequests).toBe(0), { timeout: PATIENCE_MS });
      const { requests, closedRequests, drops, errors } = running;
      expect(requests).toHaveLength(HAND_OVERS);
      expect(new Set(closedRequests.map(({ id }) => id)).size).toBe(HAND_OVERS);
      expect(closedRequests).toHaveLength(HAND_OVERS);
      expect(closedRequests.filter(({ reason }) => reason !== "peer-end")).toEqual([]);
      expect([...drops, ...errors]).toEqual([]);
      const { workers } = running.server;
      expect(workers).toMatchObject([
        { active: 0, restarts: 0 },
        { active: 0, restarts: 0 },
      ]);
      expect(workers.reduce((sum, { served }) => sum + served, 0)).toBe(HAND_OVERS);
      const bytes = closedRequests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
      expect(workers.reduce((sum, { bytesRead }) => sum + bytesRead, 0)).toBe(bytes);
      expect(workers.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)).toBe(bytes);
    },
    60_000 + HAND_OVERS * GENEROUS_MS,
  );
});
