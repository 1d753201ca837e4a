import { describe, expect, test } from "vitest";

import { GuardedEmitter } from "./guarded-emitter.ts";

interface Events {
  told(word: string): void;
  other(): void;
}

class Teller extends GuardedEmitter<Events> {
  readonly failures: [string | symbol, unknown][] = [];

  protected override listenerFailed(event: string | symbol, error: unknown): void {
    this.failures.push([event, error]);
  }
}

describe("GuardedEmitter", () => {
  test("calls the other listeners when one throws, and tells", () => {
    const teller = new Teller();
    const heard: string[] = [];
    const error = new Error("deaf");
    teller.on("told", () => {
      throw error;
    });
    teller.on("told", (word) => heard.push(word));
    expect(teller.emit("told", "hello")).toBe(true);
    expect(heard).toEqual(["hello"]);
    expect(teller.failures).toEqual([["told", error]]);
  });

  test("tells when a listener rejects", async () => {
    const teller = new Teller();
    const error = new Error("late");
    teller.on("told", () => Promise.reject(error) as never);
    teller.emit("told", "hello");
    await new Promise((resolve) => setImmediate(resolve));
    expect(teller.failures).toEqual([["told", error]]);
  });

  test("calls a listener of once() once, and removes one of on() and of once() by itself", () => {
    const teller = new Teller();
    const heard: string[] = [];
    const listener = (word: string): void => void heard.push(word);
    teller.once("told", listener);
    teller.emit("told", "one");
    teller.emit("told", "two");
    teller.addListener("told", listener).once("told", listener);
    expect(teller.listeners("told")).toEqual([listener, listener]);
    expect(teller.listenerCount("told")).toBe(2);
    teller.removeListener("told", listener);
    teller.emit("told", "three");
    expect(heard).toEqual(["one"]);
  });

  test("takes one function for two events", () => {
    const teller = new Teller();
    let calls = 0;
    const listener = (): void => void calls++;
    teller.on("told", listener).on("other", listener);
    teller.off("told", listener);
    teller.emit("told", "hello");
    teller.emit("other");
    expect(calls).toBe(1);
  });

  test("keeps the context of a listener, and removes all listeners of an event", () => {
    const teller = new Teller();
    const contexts: unknown[] = [];
    const context = { name: "context" };
    teller.on(
      "other",
      function (this: unknown) {
        contexts.push(this);
      },
      context,
    );
    teller.emit("other");
    teller.off("other");
    teller.emit("other");
    expect(contexts).toEqual([context]);
  });
});
