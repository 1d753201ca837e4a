import { StreamReader, UnixStreamServer, type ServerOptions } from "@socketserver/core";
import { dial, leakCheck, talk } from "@socketserver/testing";
import { setInterval } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { STREAM_CELLS, serveIn } from "../conformance/matrix.ts";
import { EchoAllHandler } from "../fixtures/closing-handlers.ts";
import { EchoLineHandler } from "../fixtures/echo-handlers.ts";
import { ClosedWriterHandler, FailingLateHandler, LateHandler, PatientHandler } from "../fixtures/writing-handlers.ts";
import { eventually } from "../support/eventually.ts";

beforeEach(() => leakCheck());

describe("StreamRequestHandler.finish()", () => {
  for (const cell of STREAM_CELLS) {
    test(`D7 ${cell.name}: a flush to a client that is gone is quiet, and the connection is closed`, async () => {
      await using running = await serveIn(cell, LateHandler);
      const client = await dial(running.address);
      client.abort();
      expect(await running.closedCount(1)).toMatchObject([{ reason: "peer-reset" }]);
      expect(running.errors).toEqual([]);
    });

    test(`D7 ${cell.name}: such a flush does not hide what the handler threw`, async () => {
      await using running = await serveIn(cell, FailingLateHandler);
      const client = await dial(running.address);
      expect(String(await client.recvExactly(5))).toBe("ready");
      client.abort();
      // Where bytes are relayed, the request is closed before its worker has told.
      await eventually(() => expect(running.errors).toMatchObject([{ message: "the clean-up failed" }]));
    });
  }
});

describe("StreamRequestHandler.wfile", () => {
  for (const cell of STREAM_CELLS) {
    test(`D13 ${cell.name}: nothing is sent of what is written after close()`, async () => {
      await using running = await serveIn(cell, ClosedWriterHandler);
      const output = await talk(running.address, "");
      expect(output.toString()).toBe("kept\nERR_SOCKETSERVER_WRITE_AFTER_END");
    });
  }
});

describe("a silent client", () => {
  // Python's case is a listener wrapped in TLS, whose handshake is a part of accepting. Ours accepts without a word from the client.
  for (const cell of STREAM_CELLS.filter(({ concurrency }) => concurrency !== "plain")) {
    test(`D11 ${cell.name}: holds up neither other clients nor shutdown() and close()`, async () => {
      const running = await serveIn(cell, EchoAllHandler, { lingerMs: 50 });
      await using silent = await dial(running.address);
      expect((await talk(running.address, "hello")).toString()).toBe("hello");
      await running.server.shutdown();
      await running.served;
      expect(await running.close()).toMatchObject({ cut: [] });
      expect(await silent.recv()).toHaveLength(0);
    });
  }

  for (const cell of STREAM_CELLS.filter(({ concurrency }) => concurrency === "plain")) {
    test(`D11 ${cell.name}: holds up other clients, but neither shutdown() nor close()`, async () => {
      const running = await serveIn(cell, EchoAllHandler, { lingerMs: 50 });
      await using silent = await dial(running.address);
      while (running.requests.length === 0) await new Promise((resolve) => running.server.once("request", resolve));
      await running.server.shutdown();
      expect(await running.close()).toMatchObject({ cut: [] });
      expect(await silent.recv()).toHaveLength(0);
    });
  }

  test.todo("D11 coming: a listener with TLS accepts and shuts down while a client does not begin its handshake");
});

describe("time-outs", () => {
  for (const cell of STREAM_CELLS) {
    test(`D14 ${cell.name}: a client that drips ends at deadlineMs`, async () => {
      await using running = await serveIn(cell, EchoLineHandler, { idleTimeoutMs: 5_000, deadlineMs: 200 });
      const client = await dial(running.address);
      for await (const drop of setInterval(10, ".")) {
        if (client.closeReason !== undefined) break;
        try {
          client.send(drop);
        } catch {
          break;
        }
      }
      const [closed] = await running.closedCount(1);
      expect(closed).toMatchObject({ reason: "deadline" });
      expect(closed?.bytesRead).toBeGreaterThan(1);
      await client.close();
    });

    test(`D14 ${cell.name}: after a time-out rfile goes on where it was`, async () => {
      await using running = await serveIn(cell, PatientHandler);
      await using client = await dial(running.address);
      const reader = new StreamReader(client.inbound);
      await client.sendAll("in two ");
      expect((await reader.readLine()).toString()).toBe("ERR_SOCKETSERVER_IDLE_TIMEOUT\n");
      await client.sendAll("pieces\n");
      expect((await reader.readLine()).toString()).toBe("in two pieces\n");
    });
  }
});

describe("UnixStreamServer", () => {
  test.todo("D15 coming: allowReusePort is an error for a Unix socket (no server has that option yet)");

  for (const name of ["reusePort", "allowReusePort", "allow_reuse_port"]) {
    test(`D15 refuses the option ${name}`, () => {
      const options = { [name]: true } as ServerOptions;
      expect(() => new UnixStreamServer({ path: "/tmp/never-made.sock" }, EchoLineHandler, options)).toThrow(
        `there is no option "${name}"`,
      );
    });
  }
});
