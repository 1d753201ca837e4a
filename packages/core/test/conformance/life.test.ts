import { TCPServer, UnixStreamServer } from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoLineHandler } from "../fixtures/echo-handlers.ts";
import { temporaryPath } from "../support/temporary-path.ts";
import { CELLS, SERVER_CELLS, make, type Cell } from "./matrix.ts";

beforeEach(() => leakCheck());

describe("shutdown()", () => {
  // Each one starts a process.
  const starts = (cell: Cell): number => (cell.concurrency === "forking" ? 6 : 20);

  for (const cell of SERVER_CELLS) {
    test(`SS-13 ${cell.name} starts and shuts down at once, ${starts(cell)} times, every other time already waiting`, async () => {
      const servers = await Promise.all(Array.from({ length: starts(cell) }, () => make(cell)));
      const runs = servers.map(async (server, index) => {
        const served = server.serveForever();
        if (index % 2 === 1) {
          await server.listen();
          await new Promise((resolve) => setImmediate(resolve));
          expect(server.state).toBe("serving");
        }
        await server.shutdown();
        await served;
      });
      await Promise.all(runs);
      for (const server of servers) {
        expect(server.state).toBe("listening");
        await server.close();
      }
    });
  }
});

describe("close()", () => {
  for (const cell of SERVER_CELLS) {
    test(`SS-14 ${cell.name} closes at once if it never listened`, async () => {
      const server = await make(cell);
      expect(await server.close()).toMatchObject({ open: 0, refused: 0 });
      expect(server.state).toBe("closed");
    });

    test(`SS-14 ${cell.name} closes at once if it listened and never served`, async () => {
      const server = await make(cell);
      await server.listen();
      expect(await server.close()).toMatchObject({ open: 0, refused: 0 });
      expect(server.state).toBe("closed");
    });
  }
});

describe("listen()", () => {
  // Python's bind fails for the port -1; that address does not get past our constructor, so the port is a taken one.
  // Workers start before it fails, and are gone after it.
  const ATTEMPTS = { plain: 1_024, async: 1_024, threading: 8, forking: 4 } as const;
  const attempts = (cell: Cell): number => ATTEMPTS[cell.concurrency];

  for (const cell of SERVER_CELLS.filter(({ name }) => !name.includes("Unix"))) {
    test(`SS-15 ${cell.name} leaves nothing open after ${attempts(cell)} failing binds`, async () => {
      await using first = await make(cell);
      const taken = await first.listen();
      const expectNothingMore = leakCheck();
      for (let attempt = 0; attempt < attempts(cell); attempt++) {
        const server = new cell.server(taken as never, cell.echoHandler as never, cell.options as never);
        await expect(server.listen()).rejects.toMatchObject({ code: "EADDRINUSE" });
      }
      await expectNothingMore();
    });
  }

  test("SS-15 UnixStreamServer leaves nothing open after 1024 failing binds", async () => {
    const path = join(dirname(await temporaryPath()), "missing", "server.sock");
    for (let attempt = 0; attempt < 1_024; attempt++) {
      await expect(new UnixStreamServer({ path }, EchoLineHandler).listen()).rejects.toMatchObject({ code: "ENOENT" });
    }
  });

  test("SS-15 TCPServer refuses Python's failing address, the port -1, before anything is open", () => {
    for (let attempt = 0; attempt < 1_024; attempt++) {
      expect(() => new TCPServer({ port: -1 }, EchoLineHandler)).toThrow(RangeError);
    }
  });
});

describe("await using", () => {
  for (const cell of CELLS) {
    test(`SS-16 ${cell.name} is closed at the end of its block, and its address is free`, async () => {
      let left;
      let address;
      {
        await using server = await make(cell);
        address = await server.listen();
        left = server;
      }
      expect(left.state).toBe("closed");
      await using next = await serve(cell.echoHandler, { server: cell.server, address, options: cell.options });
      expect(await cell.ask(next.address, "again\n")).toEqual(Buffer.from("again\n"));
    });
  }
});
