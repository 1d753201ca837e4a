import { describe, expect, test } from "vitest";

import { ClientErrorCode } from "../client-error-code.ts";
import type { Patience } from "../patience.ts";
import { RequestError } from "../request-error.ts";
import { LOST, ReconnectingCall, type CallPlan } from "./reconnecting-call.ts";
import type { Turn } from "./conversation.ts";
import type { WaitingCall } from "./waiting-calls.ts";

/** As much of a channel as a call looks at. */
interface Line {
  readonly open: boolean;
}

const OPEN: Line = { open: true };
const GONE: Line = { open: false };

/** What is done over each line in turn. */
type Attempt = (line: Line, patience: Patience) => Promise<string | typeof LOST>;

const lost = (sent: boolean): RequestError => new RequestError("ECONNRESET", "Cannot request: lost", { sent });

const fails =
  (error: Error): Attempt =>
  async () => {
    throw error;
  };

const answers =
  (value: string | typeof LOST): Attempt =>
  () =>
    Promise.resolve(value);

/** Run a call over these lines, each with its attempt; answers how often it was run, and what came of it. */
async function outcomeOf(
  steps: readonly (readonly [Line, Attempt])[],
  plan: Partial<CallPlan<Line, string>> = {},
): Promise<{ readonly runs: number; readonly value?: string; readonly error?: unknown }> {
  let runs = 0;
  const whole: CallPlan<Line, string> = {
    attempt: (line, patience) => (steps[runs++] ?? [OPEN, answers("too often")])[1](line, patience),
    timeoutMs: 10_000,
    signal: undefined,
    resends: 0,
    bounded: true,
    timedOut: (sent) => new RequestError(ClientErrorCode.requestTimeout, "Cannot request: late", { sent }),
    ...plan,
  };
  const again = (call: WaitingCall<Line>): void => call.run((steps[runs] ?? [OPEN])[0]);
  try {
    return { value: await new ReconnectingCall(whole, again).start(), runs };
  } catch (error) {
    return { error, runs };
  }
}

describe("ReconnectingCall", () => {
  test("resolves with what its attempt answers", async () => {
    expect(await outcomeOf([[OPEN, answers("reply")]])).toEqual({ value: "reply", runs: 1 });
  });

  test("resolves with an answer although the connection is lost by then", async () => {
    expect(await outcomeOf([[GONE, answers("reply")]])).toEqual({ value: "reply", runs: 1 });
  });

  test("goes on after a connection that has ended without an answer", async () => {
    const steps = [[GONE, answers(LOST)] as const, [GONE, answers(LOST)] as const];
    expect(await outcomeOf([...steps, [OPEN, answers("reply")]])).toEqual({ value: "reply", runs: 3 });
  });

  test("goes on as often as it takes while it was not sent", async () => {
    const unsent = [GONE, fails(lost(false))] as const;
    expect(await outcomeOf([unsent, unsent, unsent, [OPEN, answers("reply")]])).toEqual({ value: "reply", runs: 4 });
  });

  test("counts among those whose number is bounded, and has its place for good once it was let in", async () => {
    const places: string[] = [];
    for (const plan of [{ bounded: true }, { bounded: false }]) {
      const attempts = [LOST, "reply"] as const;
      const attempt = async (_line: Line, { hasPlace }: Turn): Promise<string | typeof LOST> => {
        places.push(`runs ${hasPlace}`);
        return attempts[runs++] ?? "too often";
      };
      let runs = 0;
      const whole = { timeoutMs: 10_000, signal: undefined, resends: 0, timedOut: () => new Error("late") };
      const call = new ReconnectingCall<Line, string>({ ...whole, ...plan, attempt }, (each) => {
        places.push(`${each.bounded} ${each.hasPlace}`);
        each.run(OPEN);
      });
      await call.start();
    }
    expect(places).toEqual(
      ["true", "false"].flatMap((bounded) => [`${bounded} false`, "runs false", `${bounded} true`, "runs true"]),
    );
  });

  test("rejects when it was sent, without another attempt", async () => {
    const error = lost(true);
    expect(await outcomeOf([[GONE, fails(error)]])).toEqual({ error, runs: 1 });
  });

  test("goes on as often as allowed when it was sent, and rejects then", async () => {
    const error = lost(true);
    const sent = [GONE, fails(error)] as const;
    expect(await outcomeOf([sent, sent, [OPEN, answers("reply")]], { resends: 2 })).toEqual({
      value: "reply",
      runs: 3,
    });
    expect(await outcomeOf([sent, sent, sent, [OPEN, answers("reply")]], { resends: 2 })).toEqual({ error, runs: 3 });
  });

  test.each([ClientErrorCode.queueFull, ClientErrorCode.requestTimeout])(
    "rejects with %s, which says nothing of the connection",
    async (code) => {
      const error = new RequestError(code, "Cannot request: no", { sent: false });
      const { runs, error: told } = await outcomeOf([[GONE, fails(error)]], { resends: 9 });
      expect(runs).toBe(1);
      expect(told).toMatchObject({ code, sent: false });
    },
  );

  test("rejects with any other error as it is", async () => {
    const error = new TypeError("no such thing");
    expect(await outcomeOf([[GONE, fails(error)]], { resends: 9 })).toEqual({ error, runs: 1 });
  });

  test("tells that it was sent, over whichever connection", async () => {
    const queueFull = new RequestError(ClientErrorCode.queueFull, "Cannot send: full", { sent: false });
    const late = new RequestError(ClientErrorCode.requestTimeout, "Cannot request: late", { sent: false });
    for (const last of [queueFull, late]) {
      const { error } = await outcomeOf(
        [
          [GONE, fails(lost(true))],
          [OPEN, fails(last)],
        ],
        { resends: 1 },
      );
      expect(error).toMatchObject({ code: last.code, sent: true });
    }
  });

  test("does not go on after its signal was aborted", async () => {
    const signal = AbortSignal.abort(new Error("no longer needed"));
    const { runs } = await outcomeOf([[GONE, fails(lost(false))]], { signal });
    expect(runs).toBe(1);
  });

  test("gives each attempt what is left of its time, and its signal", async () => {
    const { signal } = new AbortController();
    const patiences: Patience[] = [];
    const slow: Attempt = async (_line, patience) => {
      patiences.push(patience);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return LOST;
    };
    await outcomeOf(
      [
        [GONE, slow],
        [GONE, slow],
        [OPEN, answers("reply")],
      ],
      { timeoutMs: 5_000, signal },
    );
    const [first, second] = patiences;
    expect(first?.timeoutMs).toBeLessThanOrEqual(5_000);
    expect(second?.timeoutMs).toBeLessThanOrEqual(4_985);
    expect(second?.timeoutMs).toBeGreaterThan(0);
    expect(patiences.map((each) => each.signal)).toEqual([signal, signal]);
  });

  test("has no time left after its time, rather than less than none", async () => {
    let left: number | undefined;
    const slow: Attempt = async () => new Promise((resolve) => setTimeout(() => resolve(LOST), 10));
    const look: Attempt = async (_line, { timeoutMs }) => ((left = timeoutMs), "reply");
    await outcomeOf(
      [
        [GONE, slow],
        [OPEN, look],
      ],
      { timeoutMs: 1 },
    );
    expect(left).toBe(0);
  });

  test("for which there is no bound of time stays so", async () => {
    let left: number | undefined;
    const look: Attempt = async (_line, { timeoutMs }) => ((left = timeoutMs), "reply");
    await outcomeOf(
      [
        [GONE, answers(LOST)],
        [OPEN, look],
      ],
      { timeoutMs: Infinity },
    );
    expect(left).toBe(Infinity);
  });
});
