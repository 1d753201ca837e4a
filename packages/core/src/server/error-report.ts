import { inspect } from "node:util";

import { formatAddress, type Address } from "../address.ts";

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
  process.stderr.write(`${RULE}\n${where}\n${inspect(error)}\n${RULE}\n`);
}
