import { StreamReader, type Address, type Connection } from "@socketserver/core";
import { dial, leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

/** Enter a room. */
async function enter(address: Address, name: string, room: string): Promise<Connection> {
  const connection = await dial(address);
  await connection.sendAll(`${name} ${room}\n`);
  return connection;
}

describe("threaded-chat.ts", () => {
  test("lets a room hear what is said in another thread, and no other room", async () => {
    await using program = runExample("threaded-chat.ts");
    const address = await addressOf(program);
    await using ann = await enter(address, "Ann", "garden");
    const hears = new StreamReader(ann.inbound);
    expect((await hears.readLine()).toString()).toMatch(/^\* Ann is here, in thread \d+\n$/);
    const threads = new Set<string>();
    const rooms: Connection[] = [await enter(address, "Eve", "cellar")];
    while (threads.size < 2) {
      rooms.push(await enter(address, "Bob", "garden"));
      const line = (await hears.readLine()).toString();
      expect(line).toMatch(/^\* Bob is here, in thread \d+\n$/);
      threads.add(line);
    }
    await rooms[0]?.sendAll("is anyone here?\n");
    await rooms.at(-1)?.sendAll("hello, \u001b[31mAnn\n");
    expect((await hears.readLine()).toString()).toBe("Bob: hello, [31mAnn\n");
    // Nobody leaves by themselves: the server lets them go.
    const end = program.end("SIGINT");
    expect(await hears.readLine()).toHaveLength(0);
    await Promise.all([ann, ...rooms].map((member) => member.close()));
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });
});
