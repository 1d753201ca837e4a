/**
 * Load for a server that answers lines with lines, for load-generator.ts. Each connection makes its next request when one is answered (a closed loop): a slow server is
 * asked less often, and how long those would wait who come whether it is slow or not, this does not tell.
 *
 * @module
 */
import { Channel, type Target } from "@socketserver/client";
import { lines } from "@socketserver/framing";

import { LoadOutcome } from "./load-outcome.ts";

/** How much, and where to: `pipeline` requests at once over each connection, each for `timeoutMs` at most. */
export interface Load extends Record<"connections" | "pipeline" | "requests" | "timeoutMs", number> {
  readonly server: Target;
  readonly message: string;
}

/** Make requests, and call `done` after each; never rejects. A connection that fails is given up, and the others do its share; the signal ends all. */
export async function load(plan: Load, done: () => void, signal?: AbortSignal): Promise<LoadOutcome> {
  const outcome = new LoadOutcome();
  let left = plan.requests;
  const ask = async (channel: Channel<string>): Promise<void> => {
    for (; left > 0; done()) {
      left -= 1;
      const startedAt = performance.now();
      await channel.request(plan.message, { signal });
      outcome.latencies.record(Math.ceil((performance.now() - startedAt) * 1_000));
    }
  };
  const visit = async (): Promise<void> => {
    const settings = { requestTimeoutMs: plan.timeoutMs, maxPipelinedRequests: plan.pipeline, signal };
    await using channel = await Channel.connect(plan.server, lines().text(), settings);
    await Promise.all(Array.from({ length: plan.pipeline }, () => ask(channel)));
  };
  const visits = Array.from({ length: plan.connections }, () =>
    visit().catch((error: unknown) => outcome.failed(error)),
  );
  await Promise.all(visits);
  return outcome;
}
