import { describe, expect, test } from "vitest";

import { readableOf, writableOf } from "./web-streams.ts";

/** As much of a connection as the streams need: gives what the test says, and remembers what it is told. */
class Ends {
  readonly said: string[] = [];
  readonly #chunks: (string | Error)[];
  sending: () => Promise<void> = () => Promise.resolve();

  constructor(...chunks: (string | Error)[]) {
    this.#chunks = chunks;
  }

  async recv(): Promise<Uint8Array> {
    this.said.push("recv");
    const chunk = this.#chunks.shift() ?? "";
    if (chunk instanceof Error) throw chunk;
    return Buffer.from(chunk);
  }

  async sendAll(data: Uint8Array): Promise<void> {
    this.said.push(`send ${Buffer.from(data).toString()}`);
    await this.sending();
  }

  shutdown(how: "read" | "write"): void {
    this.said.push(`shutdown ${how}`);
  }

  abort(): void {
    this.said.push("abort");
  }
}

describe("readableOf()", () => {
  test("gives the chunks that come, and ends with the peer", async () => {
    const chunks: string[] = [];
    for await (const chunk of readableOf(new Ends("one", "two"))) chunks.push(Buffer.from(chunk).toString());
    expect(chunks).toEqual(["one", "two"]);
  });

  test("reads one chunk ahead at most", async () => {
    const ends = new Ends("one", "two", "three", "four");
    const reader = readableOf(ends).getReader();
    await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends.said).toEqual(["recv", "recv"]);
    await reader.cancel();
  });

  test("fails as the connection does", async () => {
    const failure = new Error("reset");
    const reader = readableOf(new Ends("one", failure)).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("one");
    await expect(reader.read()).rejects.toBe(failure);
  });

  test("wants nothing more when it is cancelled", async () => {
    const ends = new Ends("one");
    await readableOf(ends).cancel();
    expect(ends.said).toContain("shutdown read");
    expect(ends.said).not.toContain("abort");
  });
});

describe("writableOf()", () => {
  test("sends what is written, in order, and ends our side when it is closed", async () => {
    const ends = new Ends();
    const writer = writableOf(ends).getWriter();
    await writer.write(Buffer.from("one"));
    await writer.write(Buffer.from("two"));
    await writer.close();
    expect(ends.said).toEqual(["send one", "send two", "shutdown write"]);
  });

  test("does not send the next chunk before the last one has been taken", async () => {
    const ends = new Ends();
    const taken = Promise.withResolvers<void>();
    ends.sending = () => taken.promise;
    const writer = writableOf(ends).getWriter();
    const writes = [writer.write(Buffer.from("one")), writer.write(Buffer.from("two"))];
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends.said).toEqual(["send one"]);
    taken.resolve();
    await Promise.all(writes);
    expect(ends.said).toEqual(["send one", "send two"]);
  });

  test("fails as the connection does", async () => {
    const ends = new Ends();
    const failure = new Error("reset");
    ends.sending = () => Promise.reject(failure);
    const writer = writableOf(ends).getWriter();
    writer.closed.catch(() => undefined);
    await expect(writer.write(Buffer.from("one"))).rejects.toBe(failure);
    await expect(writer.write(Buffer.from("two"))).rejects.toBe(failure);
  });

  test("resets the connection when it is aborted", async () => {
    const ends = new Ends();
    await writableOf(ends).abort(new Error("enough"));
    expect(ends.said).toEqual(["abort"]);
  });

  test("resets it at once although a write waits, which fails then", async () => {
    const ends = new Ends();
    const taken = Promise.withResolvers<void>();
    ends.sending = () => taken.promise;
    const writer = writableOf(ends).getWriter();
    writer.closed.catch(() => undefined);
    const failed = expect(writer.write(Buffer.from("one"))).rejects.toThrow("reset");
    await new Promise((resolve) => setImmediate(resolve));
    const aborted = writer.abort(new Error("enough"));
    expect(ends.said).toEqual(["send one", "abort"]);
    taken.reject(new Error("reset"));
    await Promise.all([aborted, failed]);
  });
});
