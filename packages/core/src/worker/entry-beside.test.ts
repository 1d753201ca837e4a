import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { entryBeside } from "./entry-beside.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "socketserver-"));
});

afterEach(() => rm(folder, { recursive: true }));

describe("entryBeside()", () => {
  test.each([".js", ".ts"])("answers the file beside the module, with its ending %s", async (ending) => {
    const entry = join(folder, `process-entry${ending}`);
    await writeFile(entry, "");
    expect(entryBeside(pathToFileURL(join(folder, `process-link${ending}`)).href, "process-entry")).toBe(entry);
  });

  test("says what to do when the file was left behind by a bundler", () => {
    const bundle = pathToFileURL(join(folder, "bundle.mjs")).href;
    expect(() => entryBeside(bundle, "thread-entry")).toThrow(
      expect.objectContaining({
        code: "ERR_SOCKETSERVER_ENTRY_MISSING",
        message: expect.stringContaining(`${join(folder, "thread-entry.mjs")} is missing`) as string,
      }) as Error,
    );
  });
});
