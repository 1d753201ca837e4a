import { dial, leakCheck, type AnyServerClass } from "@socketserver/testing";
import { readFile, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { LeavingForkingServer, LeavingThreadingServer, type Leaving } from "../fixtures/wayward-servers.ts";
import { WorkerCommandHandler } from "../fixtures/worker-commands.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { soon } from "../support/soon.ts";
import { temporaryPath } from "../support/temporary-path.ts";
import type { WorkerServer } from "../support/worker-kinds.ts";

/** Well below the grace period, which a hook that waits for itself would cost. */
const SOON_MS = 6_000;
const GRACE_MS = 30_000;

beforeEach(() => leakCheck());

describe.each([
  { name: "threads", Server: LeavingThreadingServer as unknown as AnyServerClass<WorkerServer>, pool: "threading" },
  { name: "processes", Server: LeavingForkingServer as unknown as AnyServerClass<WorkerServer>, pool: "forking" },
])("close() called by a hook in a worker: $name", ({ name, Server, pool }) => {
  function make(count: number, leaving: Leaving): WorkerServer {
    const options = { [pool]: { [name]: count }, graceMs: GRACE_MS, leaving };
    return new Server({ host: "127.0.0.1", port: 0 } as never, WorkerCommandHandler as never, options as never);
  }

  const written = async (journal: string): Promise<string[]> => (await readFile(journal, "utf8")).trim().split("\n");

  test.each([1, 2])("resolves in workerSetup() of %d first workers, and listen() rejects", async (count) => {
    const journal = await temporaryPath("journal");
    const server = make(count, { when: "setup", journal });
    const listening = server.listen().then(
      () => "listens",
      (error: unknown) => (error as { readonly code?: unknown }).code,
    );
    expect(await soon(listening, SOON_MS)).toBe("ERR_SOCKETSERVER_SERVER_CLOSED");
    await soon(server.close(), SOON_MS);
    expect(server.state).toBe("closed");
    await eventually(() => expect(server.workers).toEqual([]));
    expect(await written(journal)).toContain("closed");
  });

  test("in workerSetup() of a first worker leaves no worker when close() of somebody else resolves", async () => {
    const journal = await temporaryPath("journal");
    const server = make(2, { when: "setup", journal });
    await soon(
      server.listen().catch(() => undefined),
      SOON_MS,
    );
    await soon(server.close(), SOON_MS);
    const left = server.workers.map(({ state }) => state);
    await eventually(() => expect(server.workers).toEqual([]));
    expect(left).toEqual([]);
  });

  test("in workerSetup() of a first worker ends another one that never ends to set up", async () => {
    const journal = await temporaryPath("journal");
    const server = make(2, { when: "first", journal });
    await soon(
      server.listen().catch(() => undefined),
      SOON_MS,
    );
    await soon(server.close(), SOON_MS);
    await eventually(() => expect(server.workers).toEqual([]), 4_000);
    expect(await written(journal)).toContain("closed");
  });

  test("resolves in workerSetup() of a replacement, and serveForever() does", async () => {
    const journal = await temporaryPath("journal");
    const server = make(1, { when: "replacement", journal });
    const errors: unknown[] = [];
    server.on("requestError", (error) => errors.push(error));
    await server.listen();
    const serving = server.serveForever();
    const client = await dial(server.serverAddress);
    expect(await ask(client, "where")).not.toBe("");
    await writeFile(`${journal}.leave`, "");
    await client.sendAll("exit\n");
    await soon(serving, SOON_MS);
    await soon(server.close(), SOON_MS);
    expect(server.state).toBe("closed");
    expect(server.workers).toEqual([]);
    expect(await written(journal)).toEqual(["closing", "closed"]);
    expect(errors).toMatchObject([{ code: "ERR_SOCKETSERVER_WORKER_LOST" }]);
    client.abort();
  });

  test("resolves in workerTeardown(), and so does the close() for which that runs", async () => {
    const journal = await temporaryPath("journal");
    const server = make(2, { when: "teardown", journal });
    const errors: unknown[] = [];
    server.on("requestError", (error) => errors.push(error));
    await server.listen();
    expect(await soon(server.close(), SOON_MS)).toMatchObject({ open: 0, callers: 0 });
    await eventually(() => expect(server.state).toBe("closed"));
    const lines = await written(journal);
    expect(lines.toSorted()).toEqual(["closed", "closed", "closing", "closing"]);
    expect(errors).toEqual([]);
  });
});
