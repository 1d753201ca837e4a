import type { RunningServer } from "@socketserver/testing";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";

import type { StagedServer } from "../fixtures/drain-phases.ts";
import { AnswerClient } from "./answer-client.ts";
import { eventually } from "./eventually.ts";
import { SeededRandom } from "./seeded-random.ts";

/** More than the kernel buffers on both sides together. */
export const LARGE = { length: 65_536, times: 128 };

/** Clients that do the same. */
interface Group {
  readonly count: number;
  /** Bring the request into its phase. */
  readonly begin: (client: AnswerClient, index: number) => Promise<void>;
  /** What the client does once the server drains. */
  readonly go: (client: AnswerClient) => Promise<void>;
  /** Whether it is cut at the deadline. */
  readonly cut?: boolean;
}

/** A client that has had an answer already; its messages are as long as those of no other client. */
async function answered(client: AnswerClient, index: number): Promise<void> {
  await client.send({ length: 1_000 + index });
  await client.readAnswers();
}

/** In the line before the body, at its end, or in the body. */
const firstPart = (index: number): number => 1 + (index % 25);

const toEnd = (client: AnswerClient): Promise<void> => client.readToEnd();

/** Those that are served when the server begins to drain. */
const GROUPS: Readonly<Record<string, Group>> = {
  "before the first byte": { count: 25, begin: async () => {}, go: toEnd },
  "at a boundary": { count: 40, begin: answered, go: toEnd },
  "in a message": {
    count: 25,
    begin: async (client, index) => {
      await answered(client, index);
      await client.sendPart({ length: 500 }, firstPart(index));
    },
    go: async (client) => {
      await Promise.all([client.readToEnd(), delay(300).then(() => client.sendRest())]);
    },
  },
  "in a message that never ends": {
    count: 8,
    begin: async (client, index) => {
      await answered(client, index);
      await client.sendPart({ length: 500 }, firstPart(index));
    },
    go: toEnd,
    cut: true,
  },
  working: { count: 30, begin: (client) => client.send({ length: 500, times: 3, ms: 600 }), go: toEnd },
  "working for ever": {
    count: 4,
    begin: async (client, index) => {
      await answered(client, index);
      await client.send({ length: 500, ending: "stick" });
    },
    go: toEnd,
    cut: true,
  },
  "with a reader that is slow": {
    count: 16,
    begin: async (client) => {
      await client.send(LARGE);
      await client.readSome();
    },
    go: (client) => client.readToEnd({ restMs: 5 }),
  },
  "with a reader that stopped": {
    count: 5,
    begin: async (client, index) => {
      await answered(client, index);
      await client.send(LARGE);
      await client.readSome();
    },
    go: async () => {},
    cut: true,
  },
  lingering: {
    count: 20,
    begin: async (client) => {
      await client.send({ length: 500, ending: "bye" });
      await client.readToEnd();
    },
    go: () => delay(400),
  },
};

/** How many wait: one is held in `verifyRequest()`, and they come after it. */
export const WAITING = 26;
/** How many are served, that one included. */
export const SERVED = Object.values(GROUPS).reduce((sum, { count }) => sum + count, 0) + 1;

/** A client and what becomes of it. */
export interface Member {
  readonly group: string;
  readonly client: AnswerClient;
  readonly go: (client: AnswerClient) => Promise<void>;
  readonly cut: boolean;
}

/** All clients. */
export class Load implements AsyncDisposable {
  /** Those that are served, the last one once it is verified. */
  readonly members: Member[] = [];
  readonly waiting: AnswerClient[] = [];
  readonly #server: StagedServer;

  private constructor(server: StagedServer) {
    this.#server = server;
  }

  /** Connect everyone, each in its phase. */
  static async connect({ server, address }: RunningServer<StagedServer>, verified: Promise<boolean>): Promise<Load> {
    const load = new Load(server);
    const random = new SeededRandom(1);
    const groups = Object.entries(GROUPS).flatMap(([name, group]) =>
      Array.from({ length: group.count }, () => ({ name, ...group })),
    );
    server.verify = (index) => (index < groups.length ? true : verified);
    const joining = groups.map(async ({ name, begin, go, cut = false }, index) => {
      const client = await AnswerClient.dial(address, random);
      load.members.push({ group: name, client, go, cut });
      await begin(client, index);
    });
    await Promise.all(joining);
    for (let count = 0; count < 1 + WAITING; count++) {
      const client = await AnswerClient.dial(address, random);
      await client.send({ length: 500 });
      if (count === 0) load.members.push({ group: "held", client, go: toEnd, cut: false });
      else load.waiting.push(client);
    }
    return load;
  }

  /** The server drains: everyone goes on, and ends when the server has. */
  async go(): Promise<void> {
    const members = this.members.map(async ({ client, go }) => {
      await go(client);
      if (client.outcome !== undefined) await client.connection.close();
    });
    await Promise.all([...members, ...this.waiting.map(toEnd)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [...this.members.map((member) => member.client), ...this.waiting]) client.connection.abort();
    this.#server.release();
    await eventually(() => expect(this.#server.activeRequests).toBe(0));
  }
}

/** Resolves when all that was connected before is accepted: one more is too many. */
export async function accepted({ server, drops, address }: RunningServer<StagedServer>): Promise<void> {
  const client = "path" in address ? connect(address.path) : connect(address.port, address.host);
  client.on("error", () => {
    // It is refused.
  });
  while (drops.length === 0) await new Promise((resolve) => server.once("drop", resolve));
  expect(drops).toMatchObject([{ reason: "max-connections" }]);
  client.destroy();
}
