import { describe, expect, expectTypeOf, test } from "vitest";

import { CORRELATE_BY, idFields, idInUse, idOfReply, idOfRequest, type CorrelateBy } from "./correlation.ts";

const FIELDS = { request: "asks", reply: "answers" };

const IDS = ["", "one", 0, -1.5, Number.NaN, 2n ** 53n + 1n, -(2n ** 64n) - 1n, 10n ** 400n];

/** Bigints, and the numbers that are the same. */
const SAME_IDS = [
  [0n, 0],
  [-123n, -123],
  [2n ** 60n, 2 ** 60],
] as const;

const NO_IDS = [undefined, null, true, {}, [1], Symbol("id"), () => 1];

const NO_MESSAGES = [undefined, null, "asks", 5, true];

describe("idFields()", () => {
  test("are the same for both, or one for each", () => {
    expect(idFields("id")).toEqual({ request: "id", reply: "id" });
    expect(idFields(FIELDS)).toEqual(FIELDS);
  });
});

describe("idOfRequest()", () => {
  test.each(IDS)("is %o", (id) => {
    expect(idOfRequest({ asks: id, answers: "another" }, FIELDS)).toBe(id);
  });

  test.each(SAME_IDS)("%d is the number, if that is exact", (id, number) => {
    expect(idOfRequest({ asks: id }, FIELDS)).toBe(number);
  });

  test.each(NO_IDS)("refuses %o, and shows it", (id) => {
    expect(() => idOfRequest({ asks: id, answers: 1 }, FIELDS)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
        message: expect.stringMatching(
          /^Cannot request: correlateBy names the field "asks", which must be a string, a number or a bigint, received ./,
        ) as string,
      }) as Error,
    );
  });

  test.each(NO_MESSAGES)("refuses %o, which has no fields", (message) => {
    expect(() => idOfRequest(message, FIELDS)).toThrow(/received undefined$/);
  });
});

describe("idOfReply()", () => {
  test.each(IDS)("is %o", (id) => {
    expect(idOfReply({ answers: id, asks: "another" }, FIELDS)).toBe(id);
  });

  test.each(SAME_IDS)("%d is the number, if that is exact", (id, number) => {
    expect(idOfReply({ answers: id }, FIELDS)).toBe(number);
  });

  test.each([...NO_IDS.map((answers) => ({ answers, asks: 1 })), ...NO_MESSAGES, [1], {}])(
    "is undefined for %o",
    (message) => {
      expect(idOfReply(message, FIELDS)).toBeUndefined();
    },
  );
});

describe("idInUse()", () => {
  test("shows the id as what it is", () => {
    expect(idInUse("1")).toMatchObject({
      name: "RangeError",
      code: "ERR_SOCKETSERVER_INVALID_MESSAGE",
      message: 'Cannot request: the id "1" is that of a request which waits',
    });
    expect(idInUse(1n).message).toContain("the id 1 is");
  });
});

describe("CORRELATE_BY", () => {
  test.each(["id", FIELDS, { request: "same", reply: "same" }])("takes %o", (value) => {
    expect(() => CORRELATE_BY.check("correlateBy", value, "thing")).not.toThrow();
  });

  test.each([
    ["", '""'],
    [5, "5"],
    [null, "null"],
    [[], "[]"],
    [{}, "{}"],
    [{ request: "id" }, '{"request":"id"}'],
    [{ request: "id", reply: "" }, '{"request":"id","reply":""}'],
    [{ request: "id", reply: 5 }, '{"request":"id","reply":5}'],
    [{ ...FIELDS, other: "id" }, '{"request":"asks","reply":"answers","other":"id"}'],
  ])("refuses %j", (value, shown) => {
    expect(() => CORRELATE_BY.check("correlateBy", value, "thing")).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_OPTION",
        message: `Cannot create thing: correlateBy must be the name of the field with the id, or { request, reply } with two such names, received ${shown}`,
      }) as Error,
    );
  });
});

describe("CorrelateBy", () => {
  interface Question {
    readonly id: number;
    readonly asks: string;
  }
  interface Answer {
    readonly id: number;
    readonly answers: string;
  }

  test("names fields that the messages have", () => {
    type Fields = CorrelateBy<Answer, Question>;
    expectTypeOf<"id">().toExtend<Fields>();
    expectTypeOf<{ request: "asks"; reply: "answers" }>().toExtend<Fields>();
    expectTypeOf<"asks">().not.toExtend<Fields>();
    expectTypeOf<{ request: "answers"; reply: "asks" }>().not.toExtend<Fields>();
  });

  test("names any field of messages of which nothing is known, and none of those that have none", () => {
    expectTypeOf<"any">().toExtend<CorrelateBy<unknown, unknown>>();
    expectTypeOf<string>().not.toExtend<CorrelateBy<string, string>>();
  });
});
