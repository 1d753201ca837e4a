import { setImmediate as nextTurn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { callContext, inPlace, inRequest, type CallContext } from "./call-context.ts";
import { RequestRecord } from "./request-record.ts";

const owner = {};
const traffic = { bytesRead: 0, bytesWritten: 0, lastActivity: 0 };

function newRecord(id = 1): RequestRecord {
  return new RequestRecord(id, { host: "192.0.2.1", port: 1 }, traffic);
}

function present(): CallContext | undefined {
  return callContext.getStore();
}

describe("inRequest()", () => {
  test("tells the code in it which request it belongs to, and answers what that answers", () => {
    const record = newRecord();
    expect(inRequest(owner, record, () => present())).toEqual({ owner, place: "request", record });
    expect(present()).toBeUndefined();
  });

  test("throws what its code throws, and is over then", () => {
    const error = new Error("fails");
    expect(() =>
      inRequest(owner, newRecord(), () => {
        throw error;
      }),
    ).toThrow(error);
    expect(present()).toBeUndefined();
  });

  test("makes no new context inside of the same request", () => {
    const record = newRecord();
    inRequest(owner, record, () => {
      const outer = present();
      expect(inRequest(owner, record, () => present())).toBe(outer);
      expect(present()).toBe(outer);
    });
  });

  test("finds the same request again across awaits", async () => {
    const record = newRecord();
    await inRequest(owner, record, async () => {
      const outer = present();
      await nextTurn();
      expect(present()).toBe(outer);
      await inRequest(owner, record, async () => {
        await nextTurn();
        expect(present()).toBe(outer);
      });
    });
    expect(present()).toBeUndefined();
  });

  const OTHERS: readonly (readonly [string, (record: RequestRecord) => CallContext])[] = [
    ["another request", () => ({ owner, place: "request", record: newRecord(2) })],
    ["a request of another server", (record) => ({ owner: {}, place: "request", record })],
    ["another place of the same request", (record) => ({ owner, place: "worker", record })],
    ["the loop", () => ({ owner, place: "loop" })],
    ["a hook of a worker", () => ({ place: "worker" })],
  ];

  test.each(OTHERS)("makes a new context inside of %s, for as long as it lasts", async (_what, other) => {
    const record = newRecord();
    const outer = other(record);
    await callContext.run(outer, async () => {
      await inRequest(owner, record, async () => {
        expect(present()).toEqual({ owner, place: "request", record });
        await nextTurn();
        expect(present()).toEqual({ owner, place: "request", record });
      });
      expect(present()).toBe(outer);
    });
  });

  test("keeps requests apart that run at once", async () => {
    const records = Array.from({ length: 20 }, (_, id) => newRecord(id));
    const seen = await Promise.all(
      records.map((record) =>
        inRequest(owner, record, async () => {
          for (let turn = 0; turn < record.id % 3; turn++) await nextTurn();
          return inRequest(owner, record, () => present()?.record?.id);
        }),
      ),
    );
    expect(seen).toEqual(records.map(({ id }) => id));
  });
});

describe("inPlace()", () => {
  test("tells the hook where it was called, and what that leaves behind that it is over", async () => {
    let context: CallContext | undefined;
    const answer = inPlace(owner, "loop", async () => {
      await nextTurn();
      context = present();
      expect(context).toEqual({ owner, place: "loop" });
      return "answer";
    });
    expect(await answer).toBe("answer");
    expect(context).toEqual({ owner, place: "loop", over: true });
  });

  test.each([
    ["answers at once", (): unknown => 1],
    [
      "throws",
      (): never => {
        throw new Error("fails");
      },
    ],
    ["rejects", (): Promise<never> => Promise.reject(new Error("fails"))],
  ])("is over when a hook %s", async (_how, end) => {
    let context: CallContext | undefined;
    const hook = (): unknown => {
      context = present();
      return end();
    };
    await (async () => inPlace(owner, "opening", hook))().catch(() => {});
    expect(context).toMatchObject({ over: true });
  });

  test("calls then() of a hook's answer once, inside", async () => {
    const calls: unknown[] = [];
    const send = (resolve: (rows: string) => void): void => {
      calls.push({ ...present() });
      resolve("rows");
    };
    const query = Object.fromEntries(["then"].map((name) => [name, send])) as unknown as Promise<string>;
    expect(await inPlace(owner, "loop", () => query)).toBe("rows");
    expect(calls).toEqual([{ owner, place: "loop" }]);
  });
});
