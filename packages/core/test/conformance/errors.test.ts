/**
 * Python's tests of errors that are handled (`ValueError`: `handle_error` is called) and of those that must not be (`SystemExit`: it passes
 * `handle_error` by, and ends what it was thrown in).
 *
 * JavaScript has no error that means "end": a program says `process.exit()`. In a handler of a plain or async server that ends the program,
 * in a worker it ends the thread or the process, as `SystemExit` ends a thread or a child of Python. Neither may be taken for an error of the request. The other kind
 * that must not be taken for a bug is our own: an ordinary disconnect passes through `handleError`, which stays quiet about it.
 *
 * @module
 */

import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { BadHandler, DisappointedHandler, ExitingHandler } from "../fixtures/failing-handlers.ts";
import { runProgram } from "../support/run-program.ts";
import { CELLS, STREAM_CELLS, WORKER_CELLS, serveScripted } from "./matrix.ts";

const ID_OF_HANDLED = { plain: "SS-17", async: "SS-17", threading: "SS-19", forking: "SS-21" } as const;
const ID_OF_UNHANDLED = { plain: "SS-18", async: "SS-18", threading: "SS-20", forking: "SS-22" } as const;

beforeEach(() => leakCheck());

describe("handleError()", () => {
  for (const cell of CELLS) {
    test(`${ID_OF_HANDLED[cell.concurrency]} ${cell.name} handles the error of a handler, and closes the request`, async () => {
      await using running = await serveScripted(cell, { handleError: "marks" }, BadHandler);
      await cell.provoke(running.address);
      await running.closedCount(1);
      expect(running.errors).toMatchObject([
        { message: "Error handled", cause: expect.objectContaining({ name: "RangeError", message: "Test error" }) },
      ]);
      expect(running.closedRequests).toMatchObject([{ reason: "handler-error" }]);
    });
  }

  for (const cell of STREAM_CELLS) {
    const id = ID_OF_UNHANDLED[cell.concurrency];
    test(`${id} ${cell.name} reports nothing when a client leaves early, and closes the request`, async () => {
      await using running = await serveScripted(cell, {}, DisappointedHandler);
      await cell.provoke(running.address);
      await running.closedCount(1);
      expect(running.errors).toEqual([]);
      expect(running.closedRequests).toMatchObject([{ reason: "peer-end" }]);
    });
  }

  for (const name of ["TCPServer", "AsyncTCPServer"]) {
    test(`SS-18 ${name} does not handle process.exit() in a handler: it ends the program`, async () => {
      const { code, stdout, stderr } = await runProgram("exiting-program.ts", [name]);
      expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: "Request verified", stderr: "" });
    });
  }

  for (const cell of WORKER_CELLS) {
    const id = ID_OF_UNHANDLED[cell.concurrency];
    test(`${id} ${cell.name} does not handle process.exit() in a handler: it ends the worker, and serving goes on`, async () => {
      await using running = await serveScripted(cell, { handleError: "marks" }, ExitingHandler);
      const exited = new Promise((resolve) => running.server.once("workerExit", resolve));
      const replaced = new Promise((resolve) => running.server.once("workerReady", resolve));
      await cell.provoke(running.address);
      await running.closedCount(1);
      expect(running.closedRequests).toMatchObject([{ reason: "worker-lost" }]);
      expect(await exited).toMatchObject({ id: 1, lost: 1 });
      expect(running.errors).toMatchObject([{ code: "ERR_SOCKETSERVER_WORKER_LOST" }]);
      expect(await replaced).toMatchObject({ id: 2 });
    });
  }
});
