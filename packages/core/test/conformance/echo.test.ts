import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { CELLS, COMING, serveIn } from "./matrix.ts";

/** The bytes of Python's test. */
const LINE = "hello world\n";

beforeEach(() => leakCheck());

describe("echo", () => {
  for (const cell of CELLS) {
    test(`${cell.id} ${cell.name} echoes a line to three clients, one after another, shuts down and closes`, async () => {
      await using running = await serveIn(cell);
      for (let client = 0; client < 3; client++) {
        expect(await cell.ask(running.address, LINE)).toEqual(Buffer.from(LINE));
      }
      await running.server.shutdown();
      await running.served;
      expect(running.server.state).toBe("listening");
      const report = await running.server.close();
      expect(running.server.state).toBe("closed");
      expect(running.server.activeRequests).toBe(0);
      expect(report.cut).toEqual([]);
      expect(running.requests).toHaveLength(3);
      expect(running.errors).toEqual([]);
    });
  }

  for (const { id, name } of COMING) test.todo(`${id} coming: ${name} echoes a line to three clients`);

  test.todo("SS-03 coming: ForkingTCPServer leaves a stranger's child alone, whose exit code can still be collected");
});
