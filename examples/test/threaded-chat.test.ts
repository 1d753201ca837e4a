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
    // Ann's thread may still be reading her name, so Bob comes until she hears of it.
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
    const ends = program.end("SIGINT");
    await Promise.all(rooms.map((member) => member.close()));
    expect(await hears.readLine()).toHaveLength(0);
    await ann.close();
    expect(await ends).toMatchObject({ code: 0, stderr: "" });
  });
});
