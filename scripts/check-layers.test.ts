import { describe, expect, test } from "vitest";

import { checkLayers } from "./check-layers.ts";

/** Checks a core of these files, each named from `packages/core/src/`, and answers the violations as they are printed. */
function check(sources: Readonly<Record<string, string>>): string[] {
  const files = new Map(Object.entries(sources).map(([name, source]) => [`packages/core/src/${name}`, source]));
  return checkLayers(files).map(({ file, line, rule }) => `${file.slice("packages/core/src/".length)}:${line} ${rule}`);
}

describe("checkLayers()", () => {
  test("accepts values downwards and sideways, and types upwards", () => {
    const violations = check({
      "errors.ts": `import type { BaseServer } from "./server/base-server.ts";\nimport { inspect } from "node:util";\n`,
      "events.ts": `import EventEmitter from "eventemitter3";\nimport { Errors } from "./errors.ts";\n`,
      "transport/listener.ts": `import { createServer } from "node:net";\nimport { Errors } from "../errors.ts";\n`,
      "server/base-server.ts": `import { open } from "../transport/listener.ts";\nimport type { Socket } from "node:net";\n`,
      "worker/pool.ts": `import { Worker } from "node:worker_threads";\n`,
      "servers.ts": `import { BaseServer } from "./server/base-server.ts";\n`,
      "index.ts": `export { BaseServer } from "./server/base-server.ts";\nexport * from "./servers.ts";\n`,
    });
    expect(violations).toEqual([]);
  });

  test("reports a value imported upwards, at its line", () => {
    const violations = check({
      "errors.ts": `const a = 1;\nimport { open } from "./transport/listener.ts";\n`,
      "transport/listener.ts": ``,
      "handler/base.ts": `export {\n  type A,\n  b,\n} from "../mixin/threading.ts";\n`,
      "mixin/threading.ts": `const servers = await import("../servers.ts");\n`,
      "servers.ts": ``,
    });
    expect(violations).toEqual([
      "errors.ts:2 imports a value upwards: L0 imports ./transport/listener.ts of L1",
      "handler/base.ts:1 imports a value upwards: L2 imports ../mixin/threading.ts of L5",
      "mixin/threading.ts:1 imports a value upwards: L5 imports ../servers.ts of L6",
    ]);
  });

  test.each(["node:net", "node:dgram", "node:tls"])("reports %s outside transport/", (builtin) => {
    const source = `import * as it from "${builtin}";\n`;
    expect(check({ "server/a.ts": source, "transport/b.ts": source })).toEqual([
      `server/a.ts:1 imports ${builtin} outside transport/`,
    ]);
  });

  test.each(["node:worker_threads", "node:child_process"])("reports %s outside worker/", (builtin) => {
    const source = `import * as it from "${builtin}";\n`;
    expect(check({ "options.ts": source, "worker/b.ts": source })).toEqual([
      `options.ts:1 imports ${builtin} outside worker/`,
    ]);
  });

  test("reports builtins without node:, other packages, unknown folders and missing files", () => {
    const violations = check({
      "errors.ts": `import net from "net";\nimport "left-pad";\nimport "./gone.ts";\n`,
      "helpers/a.ts": `import "../errors.ts";\n`,
    });
    expect(violations).toEqual([
      "errors.ts:1 imports net, which is neither node: nor eventemitter3",
      "errors.ts:2 imports left-pad, which is neither node: nor eventemitter3",
      "errors.ts:3 imports ./gone.ts, which is no source file of the package",
      "helpers/a.ts:1 folder has no layer: give it one in scripts/check-layers.ts",
    ]);
  });

  test("reports printing, except in the one file that may and in comments", () => {
    const violations = check({
      "server/error-report.ts": `process.stderr.write("report");\n`,
      "server/a.ts": `/**\n * console.log("example");\n */\n// console.log\nconsole.log("no");\nprocess.stderr.write("no");\n`,
    });
    expect(violations).toEqual([
      "server/a.ts:5 prints (console.): only packages/core/src/server/error-report.ts may",
      "server/a.ts:6 prints (process.stderr.write): only packages/core/src/server/error-report.ts may",
    ]);
  });

  test("lets the benchmarks print, which are programs", () => {
    expect(checkLayers(new Map([["packages/benchmarks/src/bench.ts", `process.stdout.write("result");\n`]]))).toEqual(
      [],
    );
  });

  test("reports a cycle of values once, and none through types or dynamic imports", () => {
    const violations = check({
      "server/a.ts": `import "./b.ts";\n`,
      "server/b.ts": `import "./c.ts";\n`,
      "server/c.ts": `import "./a.ts";\n`,
      "worker/a.ts": `import type { B } from "./b.ts";\n`,
      "worker/b.ts": `import { a } from "./a.ts";\nimport { c } from "./c.ts";\n`,
      "worker/c.ts": `const b = () => import("./b.ts");\n`,
    });
    expect(violations).toEqual([
      "server/c.ts:1 closes an import cycle: packages/core/src/server/a.ts > packages/core/src/server/b.ts" +
        " > packages/core/src/server/c.ts > packages/core/src/server/a.ts",
    ]);
  });

  test("holds codecs to doing no I/O, and a library to its one folder", () => {
    const files = new Map([
      ["packages/framing/src/framings/a.ts", `import "node:fs";\nimport "msgpackr";\nimport "@socketserver/core";\n`],
      ["packages/framing/src/formats/b.ts", `import "msgpackr";\nimport "node:buffer";\nimport "../framings/a.ts";\n`],
    ]);
    expect(checkLayers(files).map(({ file, line, rule }) => `${file}:${line} ${rule}`)).toEqual([
      "packages/framing/src/framings/a.ts:1 imports node:fs, which is neither node:buffer nor @socketserver/core nor msgpackr",
      "packages/framing/src/framings/a.ts:2 imports msgpackr outside formats/",
      "packages/framing/src/formats/b.ts:3 imports a value upwards: L1 imports ../framings/a.ts of L2",
    ]);
  });
});
