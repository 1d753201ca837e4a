/**
 * What load-generator.ts is told on its command line.
 *
 * @module
 */
import { parseArgs, type ParseArgsOptionDescriptor } from "node:util";

import type { Load } from "./load.ts";
import { portOr } from "./start.ts";

const DEFAULTS = { connections: "10", pipeline: "1", requests: "20000", timeout: "5000", message: "hello" };
const USAGE = `node examples/load-generator.ts [PORT] [--connections N] [--pipeline N] [--requests N] [--timeout MS] [--message TEXT]`;

/** The port first, as for every example, then the options; a wrong one ends the program. The time-out of a request is in milliseconds. */
export function loadOptions(): Load {
  if (process.argv.includes("--help")) {
    console.log(`${USAGE}\nunless given: ${JSON.stringify(DEFAULTS)}`);
    return process.exit();
  }
  const server = { host: "127.0.0.1", port: portOr(5007) };
  try {
    const options = Object.entries(DEFAULTS).map(([name, value]): [string, ParseArgsOptionDescriptor] => [
      name,
      { type: "string", default: value },
    ]);
    const { values } = parseArgs({ args: process.argv.slice(3), options: Object.fromEntries(options) });
    const count = (name: string): number => wholeNumber(name, String(values[name]));
    const counts = { connections: count("connections"), pipeline: count("pipeline"), requests: count("requests") };
    return { ...counts, timeoutMs: count("timeout"), message: String(values["message"]), server };
  } catch (error) {
    console.error(`Cannot start: ${(error as Error).message}`);
    return process.exit(1);
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} must be a whole number from 1 to 999999999, received ${JSON.stringify(text)}`);
}
