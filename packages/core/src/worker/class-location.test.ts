import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { locateClass } from "./class-location.ts";

class Declared {
  static readonly module = "file:///srv/handlers.js";
  handle(): void {}
}

class Inheriting extends Declared {}

describe("locateClass() of a class that says where it is", () => {
  test("answers its module and name", () => {
    expect(locateClass(Declared)).toEqual({ module: "file:///srv/handlers.js", name: "Declared", declared: true });
  });

  test.each([5, undefined, "./handlers.ts", "/srv/handlers.ts"])("rejects a module of %j", (module) => {
    class Wrong {
      static readonly module = module;
      handle(): void {}
    }
    expect(() => locateClass(Wrong)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_HANDLER",
        message: expect.stringContaining(
          "Cannot run Wrong in worker: its static module must be import.meta.url",
        ) as string,
      }) as Error,
    );
  });

  test("rejects a class without a name", () => {
    expect(() =>
      locateClass(
        class {
          handle(): void {}
        },
      ),
    ).toThrow(expect.objectContaining({ code: "ERR_SOCKETSERVER_CLASS_NOT_FOUND" }) as Error);
  });
});

describe("locateClass() of a class that does not", () => {
  const program = process.argv[1];
  let folder: string;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "class-location-")));
  });

  afterEach(() => {
    if (program === undefined) process.argv.splice(1, 1);
    else process.argv[1] = program;
    rmSync(folder, { recursive: true });
  });

  function mainModuleFor(argument: string): string {
    process.argv[1] = argument;
    return locateClass(Inheriting).module;
  }

  test("answers the program's main module, and not the module of the class it inherits from", () => {
    const file = join(folder, "my server.js");
    writeFileSync(file, "");
    process.argv[1] = file;
    expect(locateClass(Inheriting)).toEqual({ module: pathToFileURL(file).href, name: "Inheriting", declared: false });
  });

  test("finds the main module of `node ./server`, without its extension", () => {
    writeFileSync(join(folder, "server.js"), "");
    expect(mainModuleFor(join(folder, "server"))).toBe(pathToFileURL(join(folder, "server.js")).href);
  });

  test("finds the main module of `node .`, a folder", () => {
    writeFileSync(join(folder, "package.json"), '{ "main": "lib.js" }');
    writeFileSync(join(folder, "lib.js"), "");
    expect(mainModuleFor(folder)).toBe(pathToFileURL(join(folder, "lib.js")).href);
  });

  test("rejects when there is no main module", () => {
    process.argv.length = 1;
    expect(() => locateClass(Inheriting)).toThrow(
      expect.objectContaining({
        code: "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
        message: expect.stringContaining("this program has no main module") as string,
      }) as Error,
    );
  });
});
