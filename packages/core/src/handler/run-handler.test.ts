import { describe, expect, test } from "vitest";

import { FakeRequest } from "../../test/support/fake-request.ts";
import { PeerError } from "../errors.ts";
import type { HandlerInstance } from "./base-request-handler.ts";
import { plainTimeoutError, runHandler } from "./run-handler.ts";

/** Remembers what was called; each step does what the test says. */
class TracedHandler implements HandlerInstance {
  readonly request = new FakeRequest();
  readonly steps: string[] = [];
  timeoutMs: number | undefined = undefined;
  endOnDrain = true;
  readonly #plan: Partial<Record<"setup" | "handle" | "finish", () => void | Promise<void>>>;

  constructor(plan: Partial<Record<"setup" | "handle" | "finish", () => void | Promise<void>>> = {}) {
    this.#plan = plan;
  }

  setup(): void | Promise<void> {
    this.steps.push("setup");
    return this.#plan.setup?.();
  }

  handle(): void | Promise<void> {
    this.steps.push("handle");
    return this.#plan.handle?.();
  }

  finish(): void | Promise<void> {
    this.steps.push(`finish ${this.request.outcome ?? "undecided"}`);
    return this.#plan.finish?.();
  }
}

function throws(error: Error): () => void {
  return () => {
    throw error;
  };
}

describe("runHandler()", () => {
  test("calls setup, handle and finish in this order", async () => {
    const handler = new TracedHandler();
    await runHandler(handler);
    expect(handler.steps).toEqual(["setup", "handle", "finish undecided"]);
  });

  test("waits for each of them", async () => {
    const order: string[] = [];
    const slow = (name: string) => async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(name);
    };
    await runHandler(new TracedHandler({ setup: slow("setup"), handle: slow("handle"), finish: slow("finish") }));
    expect(order).toEqual(["setup", "handle", "finish"]);
  });

  test("calls neither handle nor finish when setup fails", async () => {
    const error = new Error("setup");
    for (const setup of [throws(error), () => Promise.reject(error)]) {
      const handler = new TracedHandler({ setup });
      await expect(runHandler(handler)).rejects.toBe(error);
      expect(handler.steps).toEqual(["setup"]);
    }
  });

  test("calls finish when handle fails, which finds the reason decided", async () => {
    const error = new PeerError("ECONNRESET", "m");
    const handler = new TracedHandler({ handle: () => Promise.reject(error) });
    await expect(runHandler(handler)).rejects.toBe(error);
    expect(handler.steps).toEqual(["setup", "handle", "finish peer-reset"]);
  });

  test("rejects with the error of finish", async () => {
    const error = new Error("finish");
    await expect(runHandler(new TracedHandler({ finish: throws(error) }))).rejects.toBe(error);
    expect(Object.hasOwn(error, "cause")).toBe(false);
  });

  test("rejects with the error of finish, and the error of handle as its cause", async () => {
    const first = new Error("handle");
    const second = new Error("finish");
    await expect(runHandler(new TracedHandler({ handle: throws(first), finish: throws(second) }))).rejects.toBe(second);
    expect(second.cause).toBe(first);
  });

  test("rejects with the error of handle if that of finish only says that the peer is gone", async () => {
    const first = new Error("handle");
    const second = new PeerError("ECONNRESET", "m");
    await expect(runHandler(new TracedHandler({ handle: throws(first), finish: throws(second) }))).rejects.toBe(first);
    await expect(runHandler(new TracedHandler({ finish: throws(second) }))).rejects.toBe(second);
  });

  test("keeps a cause that the error of finish already has", async () => {
    const cause = new Error("own");
    const second = new Error("finish", { cause });
    const handler = new TracedHandler({ handle: throws(new Error("handle")), finish: throws(second) });
    await expect(runHandler(handler)).rejects.toBe(second);
    expect(second.cause).toBe(cause);
  });

  test("makes no error its own cause", async () => {
    const error = new Error("both");
    const handler = new TracedHandler({ handle: throws(error), finish: throws(error) });
    await expect(runHandler(handler)).rejects.toBe(error);
    expect(error.cause).toBeUndefined();
  });

  test("rejects with whatever was thrown, also with undefined", async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    reject();
    const handler = new TracedHandler({ handle: () => promise });
    const outcome = await runHandler(handler).then(
      () => "resolved",
      (error: unknown) => error,
    );
    expect(outcome).toBeUndefined();
  });
});

describe("runHandler() and the handler's fields", () => {
  test.each([0, 1, 2_500, Infinity])("hands timeoutMs of %d to the request", async (timeoutMs) => {
    const handler = new TracedHandler();
    handler.timeoutMs = timeoutMs;
    await runHandler(handler);
    expect(handler.request.idleTimeoutMs).toBe(timeoutMs);
  });

  test("leaves the time-out of the request alone unless the handler says otherwise", async () => {
    const handler = new TracedHandler();
    const before = handler.request.idleTimeoutMs;
    await runHandler(handler);
    expect(handler.request.idleTimeoutMs).toBe(before);
  });

  test.each([-1, NaN, "30", null])("rejects timeoutMs of %j before anything runs", async (timeoutMs) => {
    const handler = new TracedHandler();
    handler.timeoutMs = timeoutMs as number;
    await expect(runHandler(handler)).rejects.toMatchObject({
      name: "RangeError",
      code: "ERR_SOCKETSERVER_INVALID_HANDLER",
      message: expect.stringContaining("Cannot run TracedHandler: timeoutMs must be at least 0 or Infinity") as string,
    });
    expect(handler.steps).toEqual([]);
  });

  test("hands endOnDrain to the request", async () => {
    const handler = new TracedHandler();
    handler.endOnDrain = false;
    await runHandler(handler);
    expect(handler.request.endOnDrain).toBe(false);
  });

  test("rejects a plain timeout, which Python counts in seconds", async () => {
    const handler = Object.assign(new TracedHandler(), { timeout: 5 });
    await expect(runHandler(handler)).rejects.toMatchObject({
      name: "TypeError",
      code: "ERR_SOCKETSERVER_INVALID_HANDLER",
      message: plainTimeoutError("TracedHandler").message,
    });
    expect(handler.steps).toEqual([]);
  });
});
