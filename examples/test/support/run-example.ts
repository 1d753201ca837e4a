import type { InternetAddress } from "@socketserver/core";
import { fileURLToPath } from "node:url";

import { Program } from "../../../packages/core/test/support/program.ts";

/** Run an example as a user does: `node examples/<file> <args>`. */
export function runExample(
  file: string,
  args: readonly string[] = ["0"],
  environment: Readonly<Record<string, string>> = {},
): Program {
  return new Program(
    process.execPath,
    [fileURLToPath(new URL(`../../${file}`, import.meta.url)), ...args],
    environment,
  );
}

/** Where an example says that it listens. */
export async function addressOf(program: Program): Promise<InternetAddress> {
  const [, host, port] = await program.line(/^\[LISTENING\] Server is listening on ([\d.]+):(\d+)$/);
  return { host: String(host), port: Number(port) };
}
