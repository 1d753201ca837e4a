import type { DrainReport } from "@socketserver/core";
import { serve, type RunningServer } from "@socketserver/testing";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";

import type { StagedServer } from "../fixtures/drain-phases.ts";
import { PacketDrainClient, StreamDrainClient, type DrainClient } from "./drain-client.ts";
import type { ClientPlan, DrainPlan } from "./drain-plans.ts";
import { PHASE_SCRIPTS } from "./drain-scripts.ts";
import { handlerFor, STAGES, type Stage } from "./drain-stages.ts";
import { soon } from "./soon.ts";

/** Above every bound of a drain: what takes longer has no end. */
const ENDLESS_MS = 15_000;

/** One client of a case and what is known of it. */
export interface CaseClient {
  readonly plan: ClientPlan;
  readonly client: DrainClient;
  /** Whether its request was in its phase when the drain began; else it was on its way there, or waited. */
  readonly reached: boolean;
}

/** A call of `close()` from outside. */
export interface OutsideCall {
  readonly at: number;
  readonly graceMs: number;
  readonly report: DrainReport;
  readonly endedAt: number;
}

/** All that was seen in a case, when every call had resolved. */
export interface DrainOutcome {
  readonly plan: DrainPlan;
  readonly stage: Stage;
  readonly running: RunningServer<StagedServer>;
  /** In the order of their ids, from 1. */
  readonly clients: readonly CaseClient[];
  readonly calls: readonly OutsideCall[];
  /** Of every event `close`. */
  readonly reports: readonly DrainReport[];
  /** At each event `draining`: how many requests were active, and how many had been taken. */
  readonly drainings: readonly { readonly active: number; readonly taken: number }[];
}

/** Runs a case up to the end of its drain, shows what was seen to `check`, and lets go of everything. */
export async function runDrainCase(
  plan: DrainPlan,
  address: unknown,
  check: (outcome: DrainOutcome) => Promise<void>,
): Promise<void> {
  const run = new DrainRun(plan);
  const running = await run.start(address);
  try {
    await check(await run.drain());
  } finally {
    await run.letGo();
    await soon(running.close({ graceMs: 0 }), ENDLESS_MS);
  }
}

class DrainRun {
  readonly #plan: DrainPlan;
  readonly #stage: Stage;
  readonly #clients: CaseClient[] = [];
  readonly #reports: DrainReport[] = [];
  readonly #drainings: { readonly active: number; readonly taken: number }[] = [];
  /** Resolves when nothing of the case is looked at any more. */
  readonly #over = Promise.withResolvers<boolean>();
  #running!: RunningServer<StagedServer>;

  constructor(plan: DrainPlan) {
    this.#plan = plan;
    this.#stage = STAGES[plan.server];
  }

  async start(address: unknown): Promise<RunningServer<StagedServer>> {
    const { graceMs, lingerMs, atOnce } = this.#plan;
    const options = { graceMs, lingerMs, ...this.#stage.options(atOnce) };
    this.#running = await serve(handlerFor(this.#stage), { server: this.#stage.server, address, options });
    const { server, requests } = this.#running;
    server.on("draining", () => this.#drainings.push({ active: server.activeRequests, taken: requests.length }));
    server.on("close", (report) => this.#reports.push(report));
    return this.#running;
  }

  async drain(): Promise<DrainOutcome> {
    await soon(this.#fillStage(), ENDLESS_MS);
    for (const { client } of this.#clients) client.drain();
    const { server } = this.#running;
    const { closeAfterMs, graceMs, closeAgain, shutdownAfterMs } = this.#plan;
    const calls = [{ afterMs: closeAfterMs, graceMs }, ...closeAgain];
    const stopping = shutdownAfterMs === undefined ? undefined : delay(shutdownAfterMs).then(() => server.shutdown());
    const ended = await soon(Promise.all(calls.map((call) => this.#close(call))), ENDLESS_MS);
    await soon(Promise.all([stopping, this.#running.served]), ENDLESS_MS);
    return {
      plan: this.#plan,
      stage: this.#stage,
      running: this.#running,
      clients: this.#clients,
      calls: ended,
      reports: this.#reports,
      drainings: this.#drainings,
    };
  }

  async letGo(): Promise<void> {
    this.#over.resolve(true);
    this.#running.server.release();
    for (const { client } of this.#clients) client.close();
  }

  /** Bring every client's request into its phase, or to where it waits for others. */
  async #fillStage(): Promise<void> {
    const { server, requests, address } = this.#running;
    const { single, packets } = this.#stage;
    const limit = single ? 1 : this.#plan.atOnce;
    const plans = packets ? closersLast(this.#plan.clients) : this.#plan.clients;
    server.verify = (index) =>
      PHASE_SCRIPTS[plans[index]?.phase ?? "idle"].verify?.(plans[index] as ClientPlan, this.#over.promise) ?? true;
    const Client = packets ? PacketDrainClient : StreamDrainClient;
    let held = 0;
    for (const [index, plan] of plans.entries()) {
      const { answered, leaves = false, last, verify } = PHASE_SCRIPTS[plan.phase];
      const reached = held < limit && !(packets && last !== undefined);
      const client = new Client(plan, address);
      this.#clients.push({ plan, client, reached });
      await client.begin(reached);
      if (reached && !answered) while (requests.length <= index) await nextTurn();
      if (verify !== undefined) held = Infinity;
      // Some end sooner; to wait for nobody behind them does no harm.
      else if (!leaves) held++;
    }
  }

  async #close({ afterMs, graceMs }: { readonly afterMs: number; readonly graceMs: number }): Promise<OutsideCall> {
    await delay(afterMs);
    const at = performance.now();
    const report = await this.#running.server.close({ graceMs });
    return { at, graceMs, report, endedAt: performance.now() };
  }
}

/** A packet that closes the server does so at once. */
function closersLast(plans: readonly ClientPlan[]): readonly ClientPlan[] {
  const closes = ({ phase }: ClientPlan): boolean => PHASE_SCRIPTS[phase].last !== undefined;
  return [...plans.filter((plan) => !closes(plan)), ...plans.filter(closes)];
}
