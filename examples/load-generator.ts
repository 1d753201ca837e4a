/**
 * A load generator (TCP, RFC 9293) for any server that answers each line with a line: how many requests a second, and how long they took.
 *
 * Shows channels, many at once and with many requests under way, and what a server of yours can do. The work is in load.ts.
 *
 *     node examples/echo.ts                      (in another terminal)
 *     node examples/load-generator.ts            (or: node examples/load-generator.ts 5057 --connections 50 --pipeline 16 --requests 100000 --message hi)
 */
import { SingleBar } from "cli-progress";

import { loadOptions } from "./load-options.ts";
import { load } from "./load.ts";

/** Of microseconds. */
const milliseconds = (microseconds: number): string => (microseconds / 1_000).toFixed(2);

if (import.meta.main) {
  const plan = loadOptions();
  const bar = new SingleBar({ format: "{bar} {percentage} % | {value} of {total} requests | {eta} s to go" });
  bar.start(plan.requests, 0);
  const startedAt = performance.now();
  const { latencies, errors } = await load(plan, () => bar.increment());
  const seconds = (performance.now() - startedAt) / 1_000;
  bar.stop();
  const perSecond = Math.round(latencies.count / seconds);
  console.log(`${latencies.count} requests in ${seconds.toFixed(2)} s: ${perSecond} requests/s`);
  if (latencies.count > 0) {
    const parts = [50, 90, 99, 99.9].map((part) => `p${part} ${milliseconds(latencies.percentile(part))}`);
    console.log(`latency in ms: ${parts.join(", ")}, max ${milliseconds(latencies.max)}`);
  }
  for (const [reason, times] of errors) console.log(`failed: ${times} x ${reason}`);
  process.exitCode = errors.size > 0 ? 1 : 0;
}
