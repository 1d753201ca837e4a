import { dial, leakCheck, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("guarded-server.ts", () => {
  test("echoes to whoever says please, and lets nobody in again who does not", async () => {
    await using program = runExample("guarded-server.ts");
    const address = await addressOf(program);
    expect((await talk(address, "please\nhello\n")).toString()).toBe("hello\n");
    expect((await talk(address, "open\n")).toString()).toBe("never again\n");
    await expect(talk(address, "please\nhello\n")).rejects.toMatchObject({ code: "ECONNRESET" });
    await program.line(/^\[REFUSED\] denied$/);
    expect(await program.end("SIGKILL")).toMatchObject({ stderr: "" });
  });

  test("says that it leaves, and still serves, before it ends", async () => {
    await using program = runExample("guarded-server.ts");
    const address = await addressOf(program);
    await using staying = await dial(address);
    await staying.sendAll("please\n");
    expect((await talk(address, "health\n")).toString()).toBe("ready\n");
    const ended = program.end("SIGTERM");
    await program.line(/^\[LEAVING\]/);
    expect((await talk(address, "health\n")).toString()).toBe("leaving\n");
    await staying.sendAll("still there?\n");
    expect((await staying.recv()).toString()).toBe("still there?\n");
    expect((await staying.recv()).length).toBe(0);
    await staying.close();
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
  });
});
