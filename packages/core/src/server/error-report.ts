import { inspect } from "node:util";

import { formatAddress, type Address } from "../address.ts";
import { show } from "../errors.ts";

const RULE = "-".repeat(40);

/**
 * Print an error that nobody listens for, as Python's `handle_error` does. The one place where this package prints: a failure must not be
 * silent.
 */
export function printErrorReport(error: unknown, clientAddress: Address | undefined): void {
  const where =
    clientAddress === undefined
      ? "Error in server"
      : `Error while processing request from ${formatAddress(clientAddress)}`;
  process.stderr.write(`${RULE}\n${where}\n${inspectSafely(error)}\n${RULE}\n`);
}

/** What was thrown may bring its own way to be shown, and that may throw, as may whatever else is asked of it. */
function inspectSafely(error: unknown): string {
  for (const customInspect of [true, false]) {
    try {
      return inspect(error, { customInspect });
    } catch {
      // The next way asks less of it.
    }
  }
  return show(error);
}
