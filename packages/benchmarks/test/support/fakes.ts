import type { Contestant, Figures, Question } from "../../src/question.ts";

/** A contestant that runs nowhere, and tells `log` when it starts and ends. */
export function fakeContestant(name: string, log: string[] = []): Contestant {
  return {
    name,
    start: () => {
      log.push(`start ${name}`);
      const end = (): Promise<void> => Promise.resolve(void log.push(`end ${name}`));
      return Promise.resolve({ pid: process.pid, port: 0, [Symbol.asyncDispose]: end });
    },
  };
}

/** A question that asks nobody: `measure` is what it finds. */
export function fakeQuestion(
  contestants: readonly Contestant[],
  measure: (name: string, effort: number) => Figures,
  more: Partial<Question> = {},
): Question {
  return {
    name: "fake",
    title: "Nothing there & back",
    notAnswered: "Anything.",
    figures: [
      { name: "cpu", unit: "µs of processor time a request", lessIsBetter: true },
      { name: "rate", unit: "requests a second", lessIsBetter: false },
    ],
    contestants,
    goals: [],
    measure: async (_running, effort, { name }) => measure(name, effort),
    ...more,
  };
}
