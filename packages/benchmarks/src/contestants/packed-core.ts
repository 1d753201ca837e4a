import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../../..");
const CORE = join(ROOT, "packages/core");

/**
 * Makes a folder in which core and its dependency are installed as users have them, and answers its path: what is published has other files than
 * the build. It is deleted when this process ends.
 */
export function packedCore(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "benchmark-")));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const installed = join(folder, "node_modules/@socketserver/core");
  cpSync(join(CORE, "package.json"), join(installed, "package.json"));
  const eventemitter3 = realpathSync(join(CORE, "node_modules/eventemitter3"));
  cpSync(eventemitter3, join(folder, "node_modules/eventemitter3"), { recursive: true });
  // The steps of `prepack`, into another folder.
  const config = join(CORE, "tsconfig.pack.json");
  execFileSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", config, "--outDir", join(installed, "dist")]);
  execFileSync(process.execPath, [join(ROOT, "scripts/bundle-core.ts")], { cwd: installed });
  return folder;
}
