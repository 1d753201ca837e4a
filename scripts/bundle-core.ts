/**
 * Makes few files of the many of core, because each costs a program a third of a millisecond when it starts:
 *
 * - `index.js`: what is exported, and the ready-made servers, which workers look for under their names in that file,
 * - `core.js`: everything that a program without workers needs, once for each thread,
 * - `worker/pool.js`: what is loaded with the first worker,
 * - `worker/*-entry.js`: what a worker begins with; beside the file that starts it.
 *
 * Nothing is renamed for brevity: what is published can be read. Run before packing, in the folder of the package.
 *
 * @module
 */
import { mkdtempDisposable, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { rolldown, type Plugin } from "rolldown";

const DIST = "dist";

const ENTRIES = ["index", "worker/thread-entry", "worker/process-entry"];

const CORE = "core";

const POOL = "worker/pool";

/** Of `worker/`, what the mixins need before there are workers. */
const NEEDED_EARLY = /\/dist\/worker\/(?:can-transfer-sockets|hand-over|idlest|pool-options|worker-view)\.js$/;

/** What stands in the entries. */
const NOT_SHARED = /\/dist\/(?:index|servers|worker\/[a-z]+-entry)\.js$/;

const STATIC_POOL_IMPORT = /^import [^(]*"\.\/worker\/pool\.js";$/m;

const BUILTIN_IMPORT = /^import (?:([\w$]+)(?:, )?)?(?:\{([^}]*)\} )?from "(node:[^"]+)";$/gm;

/**
 * Takes the runtime's own modules without an import: for an import, the runtime asks each of them for everything that it exports, and so loads
 * what nobody wants. That was a third of the time that importing the bundle took.
 */
const builtinsWithoutImports: Plugin = {
  name: "builtins-without-imports",
  renderChunk: (code) =>
    code.replace(BUILTIN_IMPORT, (_, whole: string | undefined, names: string | undefined, module: string) =>
      [whole, names === undefined ? undefined : `{${names.replaceAll(" as ", ": ")}}`]
        .filter((binding) => binding !== undefined)
        .map((binding) => `const ${binding} = process.getBuiltinModule("${module}");`)
        .join("\n"),
    ),
};

function chunkOf(file: string): string | null {
  if (NOT_SHARED.test(file)) return null;
  return file.includes(`/${DIST}/worker/`) && !NEEDED_EARLY.test(file) ? POOL : CORE;
}

/** Bundles into `folder`. */
async function bundle(folder: string): Promise<void> {
  await using build = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, join(DIST, `${name}.js`)])),
    external: [/^node:/, "eventemitter3"],
    platform: "node",
    tsconfig: false,
    preserveEntrySignatures: "allow-extension",
    plugins: [builtinsWithoutImports],
  });
  await build.write({
    dir: folder,
    format: "esm",
    chunkFileNames: "[name].js",
    minifyInternalExports: false,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ debugName: "shared", name: (id) => chunkOf(id.replaceAll("\\", "/")) }],
    },
  });
}

async function scriptsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith(".js")).map((name) => name.replaceAll("\\", "/"));
}

/** @throws if a new module or a new rolldown made something else of it than what is said above. */
async function check(folder: string): Promise<void> {
  const expected = [...ENTRIES, CORE, POOL].map((name) => `${name}.js`).toSorted();
  const found = (await scriptsIn(folder)).toSorted();
  if (found.join() !== expected.join())
    throw new Error(`Cannot bundle core: made ${found.join()}, not ${expected.join()}`);
  for (const name of found) {
    const code = await readFile(join(folder, name), "utf8");
    if (code.includes(` from "node:`)) throw new Error(`Cannot bundle core: ${name} imports a builtin`);
    // A class says with it in which file it is exported.
    if (name === `${CORE}.js` && code.includes("import.meta.url")) {
      throw new Error(`Cannot bundle core: ${name} has import.meta.url`);
    }
    if (name === `${CORE}.js` && STATIC_POOL_IMPORT.test(code)) {
      throw new Error(
        `Cannot bundle core: ${name} loads ${POOL}.js at once; what it needs of it is to be in NEEDED_EARLY`,
      );
    }
  }
}

await using bundled = await mkdtempDisposable(join(DIST, "bundled-"));
const separate = await scriptsIn(DIST);
await bundle(bundled.path);
await check(bundled.path);
for (const name of separate) await rm(join(DIST, name));
for (const name of await scriptsIn(bundled.path)) await rename(join(bundled.path, name), join(DIST, name));
