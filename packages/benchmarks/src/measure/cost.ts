import type { Running } from "../question.ts";
import { processorTime } from "./processor-time.ts";

/**
 * What a load costs the server: `cpu`, its processor time for each of `amount` in microseconds, and `rate`, how many of them a second.
 *
 * `cpu` does not depend on who asks. `rate` is of the pair: the load generator has a core of its own at best, and may be the slower one.
 *
 * @param load - Resolves with the seconds that it took.
 */
export async function cost(
  running: Running,
  amount: number,
  load: () => Promise<number>,
): Promise<{ readonly cpu: number; readonly rate: number }> {
  const before = processorTime(running.pid);
  const seconds = await load();
  return { cpu: (processorTime(running.pid) - before) / amount, rate: amount / seconds };
}
