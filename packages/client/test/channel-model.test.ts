/**
 * A model of a channel: whatever is asked, given up, answered, doubled and pushed in whatever order, each request gets its own reply or one error.
 *
 * @module
 */
import { Channel, RequestError } from "@socketserver/client";
import { Connection } from "@socketserver/core";
import { lines, type Codec } from "@socketserver/framing";
import fc from "fast-check";
import { duplexPair, type Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";

/** A message of either side. */
interface Word {
  readonly id?: number;
  readonly text?: string;
  /** The how manieth of our side's calls it was. */
  readonly call?: number;
}

const WORDS = lines().json() as Codec<Word>;

/** One thing that happens. Numbers choose among what is there. */
type Event =
  | { readonly what: "ask"; readonly timeoutMs: number }
  | { readonly what: "tell" | "turn" | "push" }
  | { readonly what: "abort"; readonly which: number }
  | { readonly what: "answer" | "answer twice"; readonly which: number };

const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant("ask"), timeoutMs: fc.constantFrom(Infinity, Infinity, 0, 2) }),
  },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("answer"), which: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("abort"), which: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("turn") }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom("tell", "push") }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("answer twice"), which: fc.nat(100) }) },
) as fc.Arbitrary<Event>;

/** What became of a request. */
type Outcome = { readonly text: string | undefined } | { readonly error: unknown };

const ENOUGH = "enough";

/** A channel and its server, and what each of them has seen. */
class World {
  readonly channel: Channel<Word>;
  readonly #server: Duplex;
  readonly #byId: boolean;
  readonly #decoder = WORDS.decoder();
  /** What came to the server, in order. */
  readonly seen: Word[] = [];
  readonly #unanswered: number[] = [];
  #mostUnanswered = 0;
  readonly requests: {
    readonly hurry: AbortController;
    readonly timeoutMs: number;
    readonly settled: Promise<Outcome>;
  }[] = [];
  readonly told: Promise<void>[] = [];
  /** What came and was no reply. */
  readonly received: (string | undefined)[] = [];
  #calls = 0;
  #settled = 0;
  #pushed = 0;

  constructor(byId: boolean, maxPipelinedRequests: number) {
    const [ours, theirs] = duplexPair();
    this.#byId = byId;
    this.#server = theirs;
    const options = { maxPipelinedRequests, requestQueueSize: Infinity, requestTimeoutMs: Infinity };
    this.channel = new Channel(new Connection(ours), WORDS, byId ? { ...options, correlateBy: "id" } : options);
    theirs.on("data", (chunk: Buffer) => this.#hear(chunk));
    theirs.on("end", () => theirs.end());
    void this.#receive();
  }

  get mostUnanswered(): number {
    return this.#mostUnanswered;
  }

  get pushed(): number {
    return this.#pushed;
  }

  async run(event: Event): Promise<void> {
    if (event.what === "ask") this.#ask(event.timeoutMs);
    else if (event.what === "tell") this.told.push(this.channel.send({ call: this.#calls++ }));
    else if (event.what === "turn") await nextTurn();
    else if (event.what === "push") this.#push();
    else if (event.what === "abort") this.requests[event.which % this.requests.length]?.hurry.abort(ENOUGH);
    else if ("which" in event) this.#answer(event.which, event.what === "answer twice");
  }

  /** The server answers until nobody asks any more. */
  async settle(): Promise<Outcome[]> {
    while (this.#settled < this.requests.length || this.received.length < this.#pushed) {
      while (this.#unanswered.length > 0) this.#answer(0, false);
      await nextTurn();
    }
    return Promise.all(this.requests.map(({ settled }) => settled));
  }

  /** The server ends its side, whatever it was asked. */
  endServer(): void {
    this.#server.end();
  }

  #ask(timeoutMs: number): void {
    const id = this.requests.length;
    const hurry = new AbortController();
    const reply = this.channel.request({ id, call: this.#calls++ }, { timeoutMs, signal: hurry.signal });
    const settled = reply.then(
      ({ text }): Outcome => ({ text }),
      (error: unknown): Outcome => ({ error }),
    );
    void settled.then(() => this.#settled++);
    this.requests.push({ hurry, timeoutMs, settled });
  }

  async #receive(): Promise<void> {
    for await (const { text } of this.channel) this.received.push(text);
  }

  #hear(chunk: Buffer): void {
    this.#decoder.push(chunk);
    for (let word = this.#decoder.read(); word !== undefined; word = this.#decoder.read()) {
      this.seen.push(word);
      if (word.id !== undefined) this.#unanswered.push(word.id);
    }
    this.#mostUnanswered = Math.max(this.#mostUnanswered, this.#unanswered.length);
  }

  #say(word: Word): void {
    this.#server.write(WORDS.encode(word));
  }

  /** Without ids, what nobody asked for is a lie, and another test. */
  #push(): void {
    if (this.#byId) this.#say({ text: `pushed ${this.#pushed++}` });
  }

  #answer(which: number, twice: boolean): void {
    const [id] = this.#unanswered.splice(this.#byId ? which % (this.#unanswered.length || 1) : 0, 1);
    if (id === undefined) return;
    this.#say({ id, text: `answer to ${id}` });
    if (twice && this.#byId) this.#say({ id, text: "answer again" });
  }
}

function checkOutcome(outcome: Outcome, id: number, { requests, seen }: World): void {
  const wasSeen = seen.some((word) => word.id === id);
  if ("text" in outcome) {
    expect(outcome.text).toBe(`answer to ${id}`);
    expect(wasSeen).toBe(true);
  } else if (outcome.error === ENOUGH) expect(requests[id]?.hurry.signal.aborted).toBe(true);
  else {
    expect(outcome.error).toBeInstanceOf(RequestError);
    expect(outcome.error).toMatchObject({ code: "ERR_SOCKETSERVER_REQUEST_TIMEOUT", sent: wasSeen });
    expect(requests[id]?.timeoutMs).toBeLessThan(Infinity);
  }
}

describe.each([
  ["by order", false],
  ["by id", true],
])("A channel whose replies are found %s", (_how, byId) => {
  test("gives each request its own reply or one error, and the server each request at most once, in order", async () => {
    const everything = fc.asyncProperty(
      fc.array(anyEvent, { maxLength: 80 }),
      fc.constantFrom(1, 2, 5, Infinity),
      async (events, maxPipelinedRequests) => {
        const world = new World(byId, maxPipelinedRequests);
        for (const event of events) await world.run(event);
        const outcomes = await world.settle();
        await Promise.all(world.told);
        expect(world.channel.open).toBe(true);
        await world.channel.close();
        for (const [id, outcome] of outcomes.entries()) checkOutcome(outcome, id, world);
        const calls = world.seen.map(({ call = -1 }) => call);
        expect(calls).toEqual([...new Set(calls)].toSorted((one, other) => one - other));
        expect(world.seen.filter(({ id }) => id === undefined)).toHaveLength(world.told.length);
        if (!byId) expect(world.mostUnanswered).toBeLessThanOrEqual(maxPipelinedRequests);
        expect(world.received).toEqual(Array.from({ length: world.pushed }, (_, index) => `pushed ${index}`));
      },
    );
    await fc.assert(everything, { numRuns: 300 });
  });

  test("rejects at the end whoever still waits, once, however it ends", async () => {
    const end = fc.constantFrom("close", "abort", "server");
    const everything = fc.asyncProperty(fc.array(anyEvent, { maxLength: 40 }), end, async (events, how) => {
      const world = new World(byId, 2);
      for (const event of events) await world.run(event);
      const told = Promise.allSettled(world.told);
      const outcomes = Promise.all(world.requests.map(({ settled }) => settled));
      if (how === "server") world.endServer();
      else if (how === "abort") world.channel.abort();
      else await world.channel.close();
      for (const outcome of await outcomes) {
        if ("text" in outcome) expect(outcome.text).toMatch(/^answer to \d+$/);
        else if (outcome.error !== ENOUGH) expect(outcome.error).toBeInstanceOf(RequestError);
      }
      for (const outcome of await told) {
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(RequestError);
      }
      await world.channel.closed;
      expect(world.channel.open).toBe(false);
    });
    await fc.assert(everything, { numRuns: 200 });
  });
});
