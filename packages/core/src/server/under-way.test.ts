import { describe, expect, test } from "vitest";

import { settled } from "../../test/support/settled.ts";
import { UnderWay } from "./under-way.ts";

describe("UnderWay.over", () => {
  test("resolves at once before anything began", async () => {
    expect(await settled(new UnderWay().over)).toBe(true);
  });

  test("waits for the end of what began, for everybody who asked", async () => {
    const work = new UnderWay();
    work.begin();
    const waiting = [work.over, work.over];
    for (const over of waiting) expect(await settled(over)).toBe(false);
    work.end();
    for (const over of waiting) expect(await settled(over)).toBe(true);
    expect(await settled(work.over)).toBe(true);
  });

  test("waits for the second time that it is under way, and not for the first", async () => {
    const work = new UnderWay();
    work.begin();
    const first = work.over;
    work.end();
    work.begin();
    const second = work.over;
    expect([await settled(first), await settled(second)]).toEqual([true, false]);
    work.end();
    expect(await settled(second)).toBe(true);
  });

  test("is not delayed by what begins anew before whoever waits has gone on", async () => {
    const work = new UnderWay();
    work.begin();
    const first = work.over;
    for (let time = 0; time < 3; time++) {
      work.end();
      work.begin();
    }
    expect(await settled(first)).toBe(true);
    expect(await settled(work.over)).toBe(false);
  });

  test("resolves after an end without a begin", async () => {
    const work = new UnderWay();
    work.end();
    expect(await settled(work.over)).toBe(true);
  });

  test("is one promise for all who wait at once", () => {
    const work = new UnderWay();
    work.begin();
    expect(work.over).toBe(work.over);
  });
});
