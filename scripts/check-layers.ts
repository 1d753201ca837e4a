/**
 * The layers of the packages, held.
 *
 * Inside of the sources of core, framing and client every folder is a layer, and values are imported downwards or sideways only.
 * Node's own type stripping removes `import type` before we look, so types may point up: what is checked here is what
 * really runs. Besides the layers, this holds that sockets and workers are opened in one place each, that codecs do no
 * I/O, that nothing prints, and that no module waits for itself.
 *
 * The reader is a few regular expressions over formatted code, not a parser: an import statement starts its line.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { posix } from "node:path";

/** One broken rule, at one line. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
}

/** What a module imports as a value. */
interface ValueImport {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
  /** The imported file, if the specifier is relative. */
  readonly target: string | undefined;
  /** Whether the module's evaluation waits for it; a dynamic import makes no cycle. */
  readonly eager: boolean;
}

/** What holds inside of one package. */
interface PackageRules {
  /** Where its sources are. */
  readonly root: string;
  /** Its layers, from below; "" is the files at the top. */
  readonly folders: readonly string[];
  /** Files at the top that stand above all folders, in this order. */
  readonly topFiles: readonly string[];
  /** Which builtins and packages have one home, and which folder it is. */
  readonly homes: ReadonlyMap<string, string>;
  /** The packages that it may import. */
  readonly dependencies: readonly string[];
  /** The builtins that it may import; all if it is not given. */
  readonly builtins?: readonly string[];
}

const CORE = "packages/core/src/";

const PACKAGES: readonly PackageRules[] = [
  {
    root: CORE,
    folders: ["", "transport", "handler", "server", "worker", "mixin"],
    topFiles: ["servers.ts", "index.ts"],
    homes: new Map([
      ["node:net", "transport"],
      ["node:dgram", "transport"],
      ["node:tls", "transport"],
      ["node:worker_threads", "worker"],
      ["node:child_process", "worker"],
    ]),
    // The only runtime dependency.
    dependencies: ["eventemitter3"],
  },
  {
    root: "packages/framing/src/",
    folders: ["", "formats", "framings", "handler"],
    topFiles: ["index.ts", "message-pack.ts"],
    homes: new Map([["msgpackr", "formats"]]),
    dependencies: ["@socketserver/core", "msgpackr"],
    // Bytes and messages: no I/O.
    builtins: ["node:buffer"],
  },
  {
    root: "packages/client/src/",
    folders: ["", "transport", "datagram", "channel"],
    topFiles: ["index.ts"],
    homes: new Map([
      ["node:net", "transport"],
      ["node:dgram", "transport"],
      ["node:dns/promises", "transport"],
    ]),
    dependencies: ["@socketserver/core", "@socketserver/framing"],
  },
];

/** The one file that prints: Python's report of an error that nobody heard. */
const PRINTER = `${CORE}server/error-report.ts`;

/** Programs, which nobody imports: they may print. */
const PROGRAMS = "packages/benchmarks/src/";

const STATIC_IMPORT =
  /^(?:import\s+(?:[\w$*\s{},]+?\s+from\s*)?|export\s*(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\})\s*from\s*)["']([^"'\n]+)["']/gm;

const DYNAMIC_IMPORT = /\b(?:import|require|getBuiltinModule)\(\s*["'`]([^"'`\n]+)["'`]/g;

const PRINTING = /\bconsole\s*\.|\bprocess\s*\.\s*std(?:out|err)\s*\.\s*write\b/g;

/**
 * Checks `files`, a map from path (relative to the repository, with slashes) to source.
 *
 * Answers every violation, in the order of the files.
 */
export function checkLayers(files: ReadonlyMap<string, string>): Violation[] {
  const violations: Violation[] = [];
  const imports = new Map<string, ValueImport[]>();
  for (const [file, source] of files) {
    const code = blankComments(stripTypeScriptTypes(source, { mode: "strip" }));
    const found = valueImports(file, code);
    imports.set(file, found);
    const rules = PACKAGES.find(({ root }) => file.startsWith(root));
    if (rules !== undefined) violations.push(...found.flatMap((each) => checkImport(each, files, rules)));
    if (file !== PRINTER && !file.startsWith(PROGRAMS)) violations.push(...checkPrinting(file, code));
  }
  return [...violations, ...checkCycles(imports)];
}

function checkImport(each: ValueImport, files: ReadonlyMap<string, string>, rules: PackageRules): Violation[] {
  const { file, line, specifier, target } = each;
  const layer = layerOf(file, rules);
  const broken: string[] = [];
  if (layer === undefined) {
    broken.push(`folder has no layer: give it one in scripts/check-layers.ts`);
  } else if (target !== undefined) {
    const targetLayer = layerOf(target, rules);
    if (!files.has(target)) broken.push(`imports ${specifier}, which is no source file of the package`);
    else if (targetLayer !== undefined && targetLayer > layer) {
      broken.push(`imports a value upwards: L${layer} imports ${specifier} of L${targetLayer}`);
    }
  } else {
    const home = rules.homes.get(specifier);
    if (!mayImport(specifier, rules)) broken.push(`imports ${specifier}, which is neither ${allowed(rules)}`);
    else if (home !== undefined && folderOf(file, rules) !== home) {
      broken.push(`imports ${specifier} outside ${home}/`);
    }
  }
  return broken.map((rule) => ({ file, line, rule }));
}

function mayImport(specifier: string, { dependencies, builtins }: PackageRules): boolean {
  if (!specifier.startsWith("node:")) return dependencies.includes(specifier);
  return builtins === undefined || builtins.includes(specifier);
}

function allowed({ dependencies, builtins = ["node:"] }: PackageRules): string {
  return [...builtins, ...dependencies].join(" nor ");
}

function checkPrinting(file: string, code: string): Violation[] {
  return [...code.matchAll(PRINTING)].map((match) => ({
    file,
    line: lineAt(code, match.index),
    rule: `prints (${match[0]}): only ${PRINTER} may`,
  }));
}

/** Finds every import that closes a circle, depth first: each circle is reported once, at the import that closes it. */
function checkCycles(imports: ReadonlyMap<string, readonly ValueImport[]>): Violation[] {
  const violations: Violation[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    path.push(file);
    for (const { line, target, eager } of imports.get(file) ?? []) {
      if (target === undefined || !eager || done.has(target)) continue;
      const start = path.indexOf(target);
      if (start === -1) visit(target);
      else
        violations.push({ file, line, rule: `closes an import cycle: ${[...path.slice(start), target].join(" > ")}` });
    }
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) if (!done.has(file)) visit(file);
  return violations;
}

function valueImports(file: string, code: string): ValueImport[] {
  const found: ValueImport[] = [];
  for (const [pattern, eager] of [
    [STATIC_IMPORT, true],
    [DYNAMIC_IMPORT, false],
  ] as const) {
    for (const match of code.matchAll(pattern)) {
      const specifier = match[1] ?? "";
      const target = specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : undefined;
      found.push({ file, line: lineAt(code, match.index), specifier, target, eager });
    }
  }
  return found;
}

function folderOf(file: string, { root }: PackageRules): string {
  const inside = file.slice(root.length);
  return inside.includes("/") ? inside.slice(0, inside.indexOf("/")) : "";
}

/** Answers the number of the layer, or undefined for a folder that nobody gave one. */
function layerOf(file: string, rules: PackageRules): number | undefined {
  const { root, folders, topFiles } = rules;
  const top = topFiles.indexOf(file.slice(root.length));
  if (top !== -1) return folders.length + top;
  const layer = folders.indexOf(folderOf(file, rules));
  return layer === -1 ? undefined : layer;
}

/** Blanks whole-line comments, where examples stand; lines keep their numbers. */
function blankComments(code: string): string {
  return code.replace(/^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm, (comment) => comment.replace(/[^\n]/g, " "));
}

function lineAt(code: string, index: number): number {
  return code.slice(0, index).split("\n").length;
}

if (import.meta.main) {
  const files = new Map<string, string>();
  for (const name of await readdir("packages")) {
    const folder = `packages/${name}/src`;
    for (const inside of (await readdir(folder, { recursive: true })).toSorted()) {
      if (!inside.endsWith(".ts") || inside.endsWith(".test.ts")) continue;
      const file = posix.join(folder, inside.replaceAll("\\", "/"));
      files.set(file, await readFile(file, "utf8"));
    }
  }
  const violations = checkLayers(files);
  for (const { file, line, rule } of violations) process.stderr.write(`${file}:${line} ${rule}\n`);
  // An empty set would pass every rule: a moved folder must not silence them.
  if (files.size === 0) process.stderr.write("no sources found: run from the root of the repository\n");
  process.exitCode = violations.length > 0 || files.size === 0 ? 1 : 0;
}
