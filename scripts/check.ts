/**
 * Every check but the tests, one after the other.
 *
 * All of them run, even after one has failed: whoever waits for the slowest wants the whole list. A check that passes
 * says one line, one that fails shows everything it printed. The last line counts them.
 *
 * @module
 */
import { spawnSync } from "node:child_process";

import { LEFT_OUT } from "./left-out.ts";

const CHECKS: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  format: ["oxfmt", "--check"],
  lint: ["npm", "run", "--silent", "lint"],
  types: ["tsc", "-b"],
  layers: ["node", "--disable-warning=ExperimentalWarning", "scripts/check-layers.ts"],
  snippets: ["node", "scripts/check-snippets.ts"],
  links: ["node", "scripts/check-links.ts"],
  threats: ["node", "--disable-warning=ExperimentalWarning", "scripts/check-threats.ts"],
  unused: ["knip", "--no-progress"],
  docs: ["npm", "run", "--silent", "docs"],
  site: ["node", "scripts/check-site.ts"],
  packages: ["node", "scripts/check-packages.ts"],
  "guide-tests": ["node", "scripts/check-guide-tests.ts"],
  "first-server": ["node", "scripts/check-first-server.ts"],
};

let passed = 0;
let failed = 0;
for (const [name, [program, ...args]] of Object.entries(CHECKS)) {
  const started = performance.now();
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", maxBuffer: Infinity });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status === 0) {
    passed += 1;
    process.stdout.write(`passed ${name} (${seconds} s)\n`);
  } else if (status === LEFT_OUT) {
    process.stdout.write(`left out ${name}: ${stdout}`);
  } else {
    failed += 1;
    process.stdout.write(`FAILED ${name} (${seconds} s)\n${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}\n`);
  }
}
process.stdout.write(`checks: ${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
