import { duplexPair } from "node:stream";

import { describe, expect, test } from "vitest";

import { Connection } from "../transport/connection.ts";
import { runHandler } from "./run-handler.ts";
import { StreamRequestHandler } from "./stream-request-handler.ts";

const clientAddress = { host: "192.0.2.1", port: 1 };

/** Make a handler for a connection in memory, and its peer. */
function handlerOf<Handler>(Class: new (request: Connection, client: typeof clientAddress, server: never) => Handler): {
  handler: Handler;
  peer: Connection;
} {
  const [ours, theirs] = duplexPair({ allowHalfOpen: true });
  return { handler: new Class(new Connection(ours), clientAddress, {} as never), peer: new Connection(theirs) };
}

describe("StreamRequestHandler", () => {
  test("reads lines from rfile and writes to wfile", async () => {
    class Upper extends StreamRequestHandler {
      override async handle(): Promise<void> {
        for await (const line of this.rfile) await this.wfile.write(line.toString().toUpperCase());
      }
    }
    const { handler, peer } = handlerOf(Upper);
    peer.send("one\ntwo");
    peer.shutdown("write");
    await runHandler(handler);
    expect((await peer.recvExactly(7)).toString()).toBe("ONE\nTWO");
    expect(handler.connection).toBe(handler.request);
  });

  test("shares its buffer with recv", async () => {
    const { handler, peer } = handlerOf(StreamRequestHandler);
    peer.send("line\nrest");
    expect((await handler.rfile.readLine()).toString()).toBe("line\n");
    expect((await handler.request.recv()).toString()).toBe("rest");
  });

  test("collects wbufsize bytes, and flushes the rest in finish", async () => {
    class Buffered extends StreamRequestHandler {
      override wbufsize = 100;
      sentBeforeFinish = -1;

      override async handle(): Promise<void> {
        await this.wfile.write("a");
        await this.wfile.write("b");
        this.sentBeforeFinish = this.request.bytesWritten;
      }
    }
    const { handler, peer } = handlerOf(Buffered);
    await runHandler(handler);
    expect(handler.sentBeforeFinish).toBe(0);
    expect((await peer.recv()).toString()).toBe("ab");
  });

  test("flushes after handle() has failed", async () => {
    class Failing extends StreamRequestHandler {
      override wbufsize = -1;

      override async handle(): Promise<void> {
        await this.wfile.write("so far");
        throw new Error("broken");
      }
    }
    const { handler, peer } = handlerOf(Failing);
    await expect(runHandler(handler)).rejects.toThrow("broken");
    expect((await peer.recv()).toString()).toBe("so far");
  });

  test.each(["rbufsize", "wbufsize"] as const)("rejects a %s that is no size", async (name) => {
    for (const size of [-2, 1.5, NaN, "10"]) {
      const { handler } = handlerOf(StreamRequestHandler);
      handler[name] = size as number;
      await expect(runHandler(handler)).rejects.toMatchObject({
        name: "RangeError",
        code: "ERR_SOCKETSERVER_INVALID_HANDLER",
      });
    }
  });

  test.each([-1, 0, 1, 1_000])("reads everything whatever its rbufsize: %d", async (rbufsize) => {
    class Sized extends StreamRequestHandler {
      override rbufsize = rbufsize;
      received = "";

      override async handle(): Promise<void> {
        this.received = (await this.rfile.read()).toString();
      }
    }
    const { handler, peer } = handlerOf(Sized);
    peer.send("x".repeat(5_000));
    peer.shutdown("write");
    await runHandler(handler);
    expect(handler.received).toBe("x".repeat(5_000));
  });

  test("has the documented defaults", () => {
    const { handler } = handlerOf(StreamRequestHandler);
    expect(handler).toMatchObject({
      rbufsize: -1,
      wbufsize: 0,
      disableNagleAlgorithm: false,
      endOnDrain: true,
      clientAddress,
    });
    expect(handler.timeoutMs).toBeUndefined();
  });
});
