import { StreamReader, type Address, type Connection } from "@socketserver/core";
import { dial, leakCheck, serve } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { ChatHandler, ChatServer } from "../chat.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

/** Someone at the chat. */
class Member implements AsyncDisposable {
  readonly connection: Connection;
  readonly #reader: StreamReader;

  constructor(connection: Connection) {
    this.connection = connection;
    this.#reader = new StreamReader(connection.inbound);
  }

  /** Connect and give a name; resolves when the question was read. */
  static async join(address: Address, name: string): Promise<Member> {
    const member = new Member(await dial(address));
    await member.#reader.readUntil("Your name? ");
    await member.say(name);
    return member;
  }

  async say(line: string): Promise<void> {
    await this.connection.sendAll(`${line}\n`);
  }

  /** The next line without its end; empty at the end of the stream. */
  async hear(): Promise<string> {
    return (await this.#reader.readLine()).toString().trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}

describe("ChatHandler", () => {
  test("tells everyone who comes, speaks and leaves", async () => {
    await using running = await serve(ChatHandler, { server: ChatServer });
    await using ann = await Member.join(running.address, "Ann");
    expect(await ann.hear()).toBe("* Ann is here");
    await using bob = await Member.join(running.address, "Bob");
    expect(await ann.hear()).toBe("* Bob is here");
    expect(await bob.hear()).toBe("* Bob is here");
    await bob.say("hello, \u001b[31mAnn");
    expect(await ann.hear()).toBe("Bob: hello, [31mAnn");
    expect(await bob.hear()).toBe("Bob: hello, [31mAnn");
    bob.connection.abort();
    expect(await ann.hear()).toBe("* Bob has left");
    expect([...running.server.members.keys()]).toEqual(["Ann"]);
    expect(running.errors).toEqual([]);
  });

  test("refuses a name that is empty or taken", async () => {
    await using running = await serve(ChatHandler, { server: ChatServer });
    await using ann = await Member.join(running.address, "Ann");
    expect(await ann.hear()).toBe("* Ann is here");
    for (const name of ["", "Ann"]) {
      await using other = await Member.join(running.address, name);
      expect(await other.hear()).toBe("That name is empty or taken.");
      expect(await other.hear()).toBe("");
    }
    expect([...running.server.members.keys()]).toEqual(["Ann"]);
  });

  test("makes nobody wait for a member who does not read, who misses lines and can come back", async () => {
    await using running = await serve(ChatHandler, { server: ChatServer });
    await using slow = await Member.join(running.address, "Slow");
    await using gone = await Member.join(running.address, "Gone");
    await using fast = await Member.join(running.address, "Fast");
    expect(await fast.hear()).toBe("* Fast is here");
    const sent = 600;
    const text = "x".repeat(60_000);
    for (let count = 0; count < sent; count++) {
      await fast.say(text);
      expect(await fast.hear()).toHaveLength("Fast: ".length + text.length);
    }
    gone.connection.abort();
    expect(await fast.hear()).toBe("* Gone has left");
    let heard = 0;
    for (let line = ""; !line.startsWith("Slow: "); line = await slow.hear()) {
      if (line.startsWith("Fast: ")) heard++;
      await slow.say("I am back");
    }
    expect(heard).toBeGreaterThan(0);
    expect(heard).toBeLessThan(sent);
  });
});

describe("chat.ts", () => {
  test("lets the members go at once on SIGINT, also one who has not given a name", async () => {
    await using program = runExample("chat.ts");
    const address = await addressOf(program);
    await using ann = await Member.join(address, "Ann");
    expect(await ann.hear()).toBe("* Ann is here");
    await ann.say("hello");
    expect(await ann.hear()).toBe("Ann: hello");
    await using nameless = await dial(address);
    expect((await nameless.recv()).toString()).toBe("Your name? ");
    const end = program.end("SIGINT");
    expect(await ann.hear()).toBe("");
    await Promise.all([ann.connection.close(), nameless.close()]);
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });
});
