import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A path in a directory of its own, which is removed when the test has finished. */
export async function temporaryPath(name = "server.sock"): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "socketserver-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, name);
}
