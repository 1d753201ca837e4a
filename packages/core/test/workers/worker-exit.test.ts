import { dial, leakCheck, serve, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { SlowCloseServer } from "../fixtures/odd-threads.ts";
import { CommandHandler } from "../fixtures/thread-handlers.ts";

describe("workerExit", () => {
  beforeEach(() => leakCheck());

  test("counts the connections that were lost, and not those that were closed before", async () => {
    // Shared with the thread: while its first number is 0, closeRequest() goes on there.
    const shared = { memory: new SharedArrayBuffer(8) };
    const options = { threading: { threads: 1 }, shared };
    await using running = await serve(CommandHandler, { server: SlowCloseServer, options });
    const exited = new Promise((resolve) => running.server.once("workerExit", resolve));
    await talk(running.address, "where\n");
    await running.closedCount(1);
    await using client = await dial(running.address);
    await client.sendAll("exit\n");
    expect(await exited).toMatchObject({ lost: 1 });
    expect(running.closedRequests.map(({ reason }) => reason)).toEqual(["peer-end", "worker-lost"]);
  });
});
