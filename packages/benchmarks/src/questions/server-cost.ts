import type { FigureKind } from "../question.ts";

/** The two figures of a question about throughput, as `cost()` finds them, for each of something: "request", "requests". */
export function serverCost(one: string, many: string): readonly FigureKind[] {
  return [
    { name: "cpu", unit: `µs of processor time a ${one}`, lessIsBetter: true },
    { name: "rate", unit: `${many} a second`, lessIsBetter: false },
  ];
}
