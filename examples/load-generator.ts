/**
 * A load generator (TCP, RFC 9293) for any server that answers each line with a line: how many requests a second, and how long they took.
 *
 * Shows channels, many at once and with many requests under way, and what a server of yours can do. The work is in load.ts; Ctrl-C ends it early.
 *
 *     node examples/echo.ts                      (in another terminal)
 *     node examples/load-generator.ts            (or: node examples/load-generator.ts 5057 --connections 50 --pipeline 16; --help tells all)
 */
import { SingleBar } from "cli-progress";

import { loadOptions } from "./load-options.ts";
import { load } from "./load.ts";

if (import.meta.main) {
  const plan = loadOptions();
  const format = "{bar} {percentage} % | {value} of {total} requests | {eta} s to go";
  const bar = new SingleBar({ format, etaBuffer: 10_000, gracefulExit: false });
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  bar.start(plan.requests, 0);
  const startedAt = performance.now();
  const outcome = await load(plan, () => bar.increment(), stopping.signal);
  bar.stop();
  for (const line of outcome.report((performance.now() - startedAt) / 1_000)) console.log(line);
  process.exitCode = outcome.errors.size > 0 ? 1 : 0;
}
