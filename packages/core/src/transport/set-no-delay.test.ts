import { duplexPair } from "node:stream";

import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { socketPair } from "../../test/support/socket-pair.ts";
import { temporaryPath } from "../../test/support/temporary-path.ts";
import { setNoDelay } from "./set-no-delay.ts";

beforeEach(() => leakCheck());

describe("setNoDelay()", () => {
  test("tells a stream that knows the difference, as a method of it", () => {
    const told: unknown[] = [];
    const stream = Object.assign(duplexPair()[0], {
      setNoDelay(this: unknown, noDelay: boolean) {
        told.push([this === stream, noDelay]);
      },
    });
    setNoDelay(stream, true);
    setNoDelay(stream, false);
    expect(told).toEqual([
      [true, true],
      [true, false],
    ]);
  });

  test("tells a TCP socket", async () => {
    await using pair = await socketPair();
    const told = vi.spyOn(pair.server, "setNoDelay");
    setNoDelay(pair.server, true);
    expect(told.mock.calls).toEqual([[true]]);
  });

  test("does no harm to streams that do not, or are closed", async () => {
    await using pair = await socketPair(await temporaryPath());
    setNoDelay(duplexPair()[0], true);
    setNoDelay(pair.server, true);
    pair.server.destroy();
    setNoDelay(pair.server, false);
    expect(pair.server.destroyed).toBe(true);
  });
});
