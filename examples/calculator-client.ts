/**
 * A client of json-calculator.ts: a calculation a line on its input, such as `2 + 3`, and a result a line on its output.
 *
 * Shows a channel that comes back: the server may be stopped and started again while this runs. A calculation may be made twice without harm, so a request whose
 * connection is lost is sent again over the next one.
 *
 *     node examples/json-calculator.ts           (in another terminal; stop it with Ctrl-C, and start it again)
 *     node examples/calculator-client.ts         (or with the port of the server; then type 2 + 3)
 */
import { ReconnectingChannel } from "@socketserver/client";
import { createInterface } from "node:readline";

import { calculator, type Answer, type Calculation } from "./calculator-protocol.ts";
import { portOr } from "./start.ts";

const CALCULATION = /^\s*(-?[\d.]+)\s*([-+*/])\s*(-?[\d.]+)\s*$/;

/** Read a calculation as people write it; undefined if it is none. */
export function parse(line: string): Calculation | undefined {
  const [, left, operator, right] = CALCULATION.exec(line) ?? [];
  if (operator === undefined || Number.isNaN(Number(left)) || Number.isNaN(Number(right))) return undefined;
  return { left: Number(left), operator: operator as Calculation["operator"], right: Number(right) };
}

const problem = (error: unknown): Answer => ({ error: (error as Error).message });

if (import.meta.main) {
  await using channel = new ReconnectingChannel({ port: portOr(5059) }, calculator.client, {
    requestTimeoutMs: 10_000,
  });
  channel.on("waiting", ({ delayMs, error }) => {
    console.error(`There is no connection (${error?.message ?? "the server left"}): next attempt in ${delayMs} ms`);
  });
  for await (const line of createInterface(process.stdin)) {
    const calculation = parse(line);
    const answer = calculation && channel.request(calculation, { idempotent: true });
    const reply = (await answer?.catch(problem)) ?? { error: "write 2 + 3" };
    console.log("result" in reply ? `${line.trim()} = ${reply.result}` : `${line.trim()}: ${reply.error}`);
  }
}
