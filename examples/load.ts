/**
 * Load for a server that answers lines with lines, as load-generator.ts makes it. Each connection makes its next request when one is answered (a closed loop): so
 * a slow server is asked less often, and how long those would wait who come whether it is slow or not, this does not tell.
 *
 * @module
 */
import { Channel, type Target } from "@socketserver/client";
import { lines } from "@socketserver/framing";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

/** How much, and where to: `pipeline` requests at once over each connection. */
export type Load = Record<"connections" | "pipeline" | "requests", number> & { server: Target; message: string };
/** How long requests took, in microseconds, and how many failed for which reason. */
export type Outcome = { readonly latencies: RecordableHistogram; readonly errors: Map<string, number> };

/** Make requests, and call `done` after each; never rejects. A connection that fails is not made again: the others do its share. */
export async function load({ server, message, ...plan }: Load, done: () => void): Promise<Outcome> {
  const latencies = createHistogram();
  const errors = new Map<string, number>();
  const failed = (error: Error & { code?: string }): void => {
    const reason = error.code ?? error.message;
    errors.set(reason, (errors.get(reason) ?? 0) + 1);
  };
  let left = plan.requests;
  const ask = async (channel: Channel<string>): Promise<void> => {
    for (; channel.open && left > 0; done()) {
      left -= 1;
      const startedAt = performance.now();
      const answered = await channel.request(message).then(() => true, failed);
      if (answered) latencies.record(Math.ceil((performance.now() - startedAt) * 1_000));
    }
  };
  const visit = async (): Promise<void> => {
    await using channel = await Channel.connect(server, lines().text());
    await Promise.all(Array.from({ length: plan.pipeline }, () => ask(channel)));
  };
  await Promise.all(Array.from({ length: plan.connections }, () => visit().catch(failed)));
  return { latencies, errors };
}
