/**
 * Where a `ReconnectingChannel` connects to: several addresses, and Unix paths.
 *
 * @module
 */
import { ReconnectingChannel } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { temporaryPath } from "../../core/test/support/temporary-path.ts";
import { echoScript } from "./support/echo-script.ts";
import { EventLog } from "./support/event-log.ts";
import { HASTY } from "./support/hasty.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

beforeEach(() => leakCheck());

describe("ReconnectingChannel to several addresses", () => {
  test("finds the second one when the first one dies", async () => {
    const first = await ScriptedServer.start(echoScript("first"));
    await using second = await ScriptedServer.start(echoScript("second"));
    await using channel = new ReconnectingChannel([first.address, second.address], lines().text(), HASTY);
    expect(await channel.request("who?")).toBe("first who?");
    await first.close();
    expect(await channel.request("who?", { idempotent: true })).toBe("second who?");
  });

  test("comes back to the first one when that is there again", async () => {
    const first = await ScriptedServer.start(echoScript("first"));
    const second = await ScriptedServer.start(echoScript("second"));
    await using channel = new ReconnectingChannel([first.address, second.address], lines().text(), HASTY);
    await channel.connect();
    await first.close();
    expect(await channel.request("who?", { idempotent: true })).toBe("second who?");
    await using back = await ScriptedServer.start(echoScript("first"), first.port);
    await second.close();
    expect(await channel.request("who?", { idempotent: true })).toBe("first who?");
    expect(back.guests).toHaveLength(1);
  });

  test("goes over from a port to a Unix path", async () => {
    const path = await temporaryPath();
    const first = await ScriptedServer.start(echoScript("port"));
    await using second = await ScriptedServer.start(echoScript("path"), path);
    await using channel = new ReconnectingChannel([first.address, second.address], lines().text(), HASTY);
    const log = new EventLog(channel);
    await channel.connect();
    await first.close();
    expect(await channel.request("who?", { idempotent: true })).toBe("path who?");
    expect(log.of("connected").map(({ remoteAddress }) => remoteAddress)).toEqual([first.address, { path }]);
  });
});

describe("ReconnectingChannel to a Unix path", () => {
  test("waits while there is no such path, and comes back when its server does", async () => {
    const path = await temporaryPath();
    await using channel = new ReconnectingChannel({ path }, lines().text(), HASTY);
    const missing = new Promise((resolve) => channel.once("waiting", ({ error }) => resolve(error)));
    const reply = channel.request("one");
    expect(await missing).toMatchObject({ code: "ENOENT" });
    const first = await ScriptedServer.start(echoScript("first"), path);
    expect(await reply).toBe("first one");
    await first.close();
    await using second = await ScriptedServer.start(echoScript("second"), path);
    expect(await channel.request("two", { idempotent: true })).toBe("second two");
    expect(second.guests).toHaveLength(1);
  });
});
