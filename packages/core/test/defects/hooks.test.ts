import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { CELLS, serveScripted } from "../conformance/matrix.ts";
import { BadHandler } from "../fixtures/failing-handlers.ts";

beforeEach(() => leakCheck());

describe("verifyRequest()", () => {
  for (const cell of CELLS) {
    test(`D1 ${cell.name} survives one that throws: the request is closed and reported, the next one is served`, async () => {
      await using running = await serveScripted(cell, { verifyRequest: "throws first" });
      await cell.provoke(running.address);
      expect(await running.closedCount(1)).toMatchObject([{ reason: "refused" }]);
      expect(running.errors).toMatchObject([{ message: "verifyRequest fails" }]);
      expect(await cell.ask(running.address, "next\n")).toEqual(Buffer.from("next\n"));
    });
  }
});

describe("handleError()", () => {
  for (const cell of CELLS) {
    test(`D2 ${cell.name} survives one that throws in the serving loop: the next request is served`, async () => {
      await using running = await serveScripted(cell, { verifyRequest: "throws first", handleError: "throws first" });
      await cell.provoke(running.address);
      expect(await running.closedCount(1)).toMatchObject([{ reason: "refused" }]);
      expect(running.errors).toMatchObject([{ message: "handleError fails" }]);
      expect(await cell.ask(running.address, "next\n")).toEqual(Buffer.from("next\n"));
    });

    test(`D2 ${cell.name} survives one that throws after a handler: the request is closed, the next one is handled`, async () => {
      await using running = await serveScripted(cell, { handleError: "throws first" }, BadHandler);
      await cell.provoke(running.address);
      expect(await running.closedCount(1)).toMatchObject([{ reason: "handler-error" }]);
      await cell.provoke(running.address);
      expect(await running.closedCount(2)).toMatchObject([{ reason: "handler-error" }, { reason: "handler-error" }]);
      expect(running.errors).toMatchObject([{ message: "handleError fails" }, { message: "Test error" }]);
    });
  }
});
