/**
 * What load-generator.ts has measured.
 *
 * @module
 */
import { createHistogram } from "node:perf_hooks";

/** How long requests took, in microseconds, and how many connections failed for which reason. */
export class LoadOutcome {
  readonly latencies = createHistogram();
  readonly errors = new Map<string, number>();

  /** A connection has failed. */
  failed(error: unknown): void {
    const { code, name } = error as { readonly code: unknown; readonly name: string };
    const reason = typeof code === "string" ? code : name;
    this.errors.set(reason, (this.errors.get(reason) ?? 0) + 1);
  }

  /** All of it, a line each. */
  report(seconds: number): string[] {
    const { count, max } = this.latencies;
    const ms = (microseconds: number): string => (microseconds / 1_000).toFixed(2);
    const parts = [50, 90, 99, 99.9].map((part) => `p${part} ${ms(this.latencies.percentile(part))}`);
    return [
      `${count} requests in ${seconds.toFixed(2)} s: ${Math.round(count / seconds)} requests/s`,
      ...(count > 0 ? [`latency in ms: ${parts.join(", ")}, max ${ms(max)}`] : []),
      ...Array.from(this.errors, ([reason, times]) => `failed: ${times} x ${reason}`),
    ];
  }
}
