import { spawnSync } from "node:child_process";
import type { TestContext } from "vitest";

/**
 * Commands of the system that tests talk with, and what shows that each is there: other people's implementations of the same protocols.
 */
const PROBES = {
  // The one of util-linux: others do not know RFC 6587.
  logger: ["sh", "-c", "logger --help | grep -e --octet-count"],
  // The one of OpenBSD: its -N ends our side after the input.
  nc: ["sh", "-c", "nc -h 2>&1 | grep OpenBSD"],
  python3: ["python3", "-c", "import socketserver"],
  redis: ["sh", "-c", "redis-server --version && redis-cli --version && redis-benchmark --version"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** A command of the system that tests talk with. */
export type Peer = keyof typeof PROBES;

/**
 * For `beforeEach`: skip the test, and say why, where the command is missing; fail there if `REQUIRE_PEERS` is set.
 *
 * @example
 * ```ts
 * beforeEach(needs("python3"));
 * ```
 */
export function needs(peer: Peer): (context: TestContext) => void {
  const [command, ...args] = PROBES[peer];
  const there = spawnSync(command, args, { stdio: "ignore" }).status === 0;
  if (!there) process.stderr.write(`There is no ${peer} here: some tests cannot run\n`);
  return ({ skip }) => {
    if (there) return;
    if (process.env["REQUIRE_PEERS"]) throw new Error(`Cannot run test: there is no ${peer}, and REQUIRE_PEERS is set`);
    skip(`there is no ${peer}`);
  };
}
