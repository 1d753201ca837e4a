import { describe, expect, test } from "vitest";

import { compare } from "../src/measure/compare.ts";
import type { Contestant } from "../src/question.ts";
import { fakeContestant, fakeQuestion } from "./support/fakes.ts";

const OPTIONS = { rounds: 3, effort: 1 };
const [ours, theirs, third] = ["ours", "theirs", "third"].map((name) => fakeContestant(name)) as [
  Contestant,
  Contestant,
  Contestant,
];
const absentee: Contestant = { name: "absentee", start: () => Promise.resolve("it is not installed") };

describe("compare()", () => {
  test("measures everybody in each round, forwards and then backwards, after one round that does not count", async () => {
    const asked: string[] = [];
    const question = fakeQuestion([ours, theirs, third], (name) => {
      asked.push(name);
      return { cpu: 1 };
    });
    const { rounds } = await compare(question, OPTIONS);
    const there = ["ours", "theirs", "third"];
    expect(asked).toEqual([...there, ...there, ...there.toReversed(), ...there]);
    expect(rounds).toBe(3);
  });

  test("takes each ratio inside of a round, so that a machine that gets slower does not show", async () => {
    let measurements = 0;
    const question = fakeQuestion([ours, theirs], (name) => {
      const round = Math.ceil(++measurements / 2);
      return { cpu: (name === "ours" ? 3 : 2) * round, rate: (name === "ours" ? 10 : 20) / round };
    });
    const { contestants, ratios } = await compare(question, OPTIONS);
    const always = (value: number) => ({ median: value, min: value, max: value });
    expect(ratios).toMatchObject([
      { figure: "cpu", ratio: always(1.5) },
      { figure: "rate", ratio: always(0.5) },
    ]);
    expect(contestants[0]).toMatchObject({ name: "ours", figures: { cpu: { min: 6, median: 9, max: 12 } } });
  });

  test("finds the ratio of each round, not that of the medians", async () => {
    const found = { ours: [1, 1, 4, 9], theirs: [1, 1, 2, 3] };
    const question = fakeQuestion([ours, theirs], (name) => ({ cpu: found[name as "ours"].shift() ?? Number.NaN }));
    const { ratios } = await compare(question, OPTIONS);
    expect(ratios[0]).toMatchObject({ ours: "ours", against: "theirs", ratio: { min: 1, median: 2, max: 3 } });
  });

  test("leaves out who is absent, and says so", async () => {
    const lines: string[] = [];
    const question = fakeQuestion([ours, absentee, theirs], () => ({ cpu: 1 }));
    const { absent, contestants } = await compare(question, { ...OPTIONS, progress: (line) => lines.push(line) });
    expect(absent).toEqual([{ name: "absentee", reason: "it is not installed" }]);
    expect(contestants.map(({ name }) => name)).toEqual(["ours", "theirs"]);
    expect(lines[0]).toBe("skipped absentee: it is not installed");
  });

  test("measures only those that a goal names where nothing else is wanted", async () => {
    const goals = [{ against: "third", figure: "cpu", atMost: 1, quickAtMost: 2 }];
    const question = fakeQuestion([ours, theirs, third], () => ({ cpu: 1 }), { goals });
    const { ratios } = await compare(question, { ...OPTIONS, goalsOnly: true });
    expect(ratios).toMatchObject([{ ours: "ours", against: "third", figure: "cpu", atMost: 1, quickAtMost: 2 }]);
  });

  test("compares another of ours where a goal says so", async () => {
    const goals = [{ ours: "third", against: "theirs", figure: "cpu", atMost: 1, quickAtMost: 2 }];
    const question = fakeQuestion([ours, theirs, third], (name) => ({ cpu: name === "third" ? 4 : 2 }), { goals });
    const { ratios } = await compare(question, OPTIONS);
    expect(ratios.at(-1)).toMatchObject({ ours: "third", against: "theirs", ratio: { median: 2 }, atMost: 1 });
    expect(ratios.find((each) => each.ours === "ours" && each.against === "theirs")).not.toHaveProperty("atMost");
  });

  test.each([0, -1, Number.NaN, Infinity])("refuses the figure %d, of which no ratio can be taken", async (cpu) => {
    const question = fakeQuestion([ours, theirs], () => ({ cpu }));
    await expect(compare(question, OPTIONS)).rejects.toThrow(
      `Cannot measure ours in fake: cpu must be above 0, found ${cpu}`,
    );
  });

  test("starts everybody once and ends everybody, even if a measurement fails", async () => {
    const log: string[] = [];
    const question = fakeQuestion([fakeContestant("ours", log), fakeContestant("theirs", log)], (name) => {
      if (name === "theirs") throw new Error("no answer");
      return { cpu: 1 };
    });
    await expect(compare(question, OPTIONS)).rejects.toThrow("Cannot measure theirs in fake");
    expect(log).toEqual(["start ours", "start theirs", "end theirs", "end ours"]);
  });

  test("starts a fresh contestant for each measurement where the question wants that, and none to warm up", async () => {
    const log: string[] = [];
    const question = fakeQuestion([fakeContestant("ours", log)], () => ({ cpu: log.push("measure") }), { fresh: true });
    await compare(question, { rounds: 2, effort: 1 });
    expect(log).toEqual(["start ours", "measure", "end ours", "start ours", "measure", "end ours"]);
  });
});
