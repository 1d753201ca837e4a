import { dial, leakCheck, runHandler, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { DiscardHandler } from "../discard.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("DiscardHandler", () => {
  test("answers nothing", async () => {
    const { output, closeReason } = await runHandler(DiscardHandler, "hello");
    expect(output).toHaveLength(0);
    expect(closeReason).toBe("peer-end");
  });
});

describe("discard.ts", () => {
  test("takes everything, and ends after the client", async () => {
    await using program = runExample("discard.ts");
    expect(await talk(await addressOf(program), Buffer.alloc(16 * 1024 * 1024))).toHaveLength(0);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("does not wait on SIGINT for a client that has sent something and stays", async () => {
    await using program = runExample("discard.ts");
    await using client = await dial(await addressOf(program));
    // More than the buffers of a connection hold: so some of it was taken.
    await client.sendAll(Buffer.alloc(32 * 1024 * 1024));
    const end = program.end("SIGINT");
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });
});
