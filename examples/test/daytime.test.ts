import { leakCheck, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("daytime.ts", () => {
  test("tells the time in one line, whatever the client sends", async () => {
    await using program = runExample("daytime.ts");
    const address = await addressOf(program);
    for (const input of ["", "What time is it?", Buffer.alloc(1024 * 1024)]) {
      const asked = Date.now();
      const line = (await talk(address, input)).toString();
      expect(line).toMatch(/^[ -~]+\r\n$/);
      // It counts in whole seconds.
      expect(Date.parse(line)).toBeGreaterThan(asked - 1_000);
      expect(Date.parse(line)).toBeLessThanOrEqual(Date.now());
    }
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });
});
