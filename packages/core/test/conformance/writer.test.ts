import { StreamReader } from "@socketserver/core";
import { dial, leakCheck, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { HUGE, HugeHandler, WriterHandler } from "../fixtures/writing-handlers.ts";
import { STREAM_CELLS, serveIn } from "./matrix.ts";

beforeEach(() => leakCheck());

/** Count the SIGUSR1 that arrive until the test has finished. */
function countSignals(): () => number {
  let count = 0;
  const onSignal = (): void => {
    count++;
  };
  process.on("SIGUSR1", onSignal);
  onTestFinished(() => void process.off("SIGUSR1", onSignal));
  return () => count;
}

describe("StreamRequestHandler.wfile", () => {
  for (const cell of STREAM_CELLS) {
    test(`SS-23 ${cell.name}: is a writer on the request`, async () => {
      await using running = await serveIn(cell, WriterHandler);
      const [first = "", second = ""] = (await talk(running.address, "")).toString().split("\n");
      expect(first).toBe("first");
      expect(JSON.parse(second)).toEqual({ isWriter: true, written: 6, bytesWritten: 6 });
    });

    test(`SS-24 ${cell.name}: writes at once, and all of a huge chunk while signals arrive`, async () => {
      const signals = countSignals();
      await using running = await serveIn(cell, HugeHandler);
      await using client = await dial(running.address);
      const reader = new StreamReader(client.inbound);
      // Sent without a flush: the handler waits for us.
      expect((await reader.readLine()).toString()).toBe("write data\n");
      await client.sendAll("client response\n");
      let received = (await reader.readExactly(100)).length;
      while (received < HUGE) {
        // The rest of the chunk is being written meanwhile.
        process.kill(process.pid, "SIGUSR1");
        const chunk = await reader.read(Math.min(HUGE - received, 65_536));
        expect(chunk.every((byte) => byte === 0)).toBe(true);
        received += chunk.length;
      }
      const returned: unknown = JSON.parse((await reader.read()).toString());
      expect(returned).toEqual({ first: 11, second: HUGE, received: "client response\n" });
      expect(signals()).toBeGreaterThan(0);
    });
  }
});
