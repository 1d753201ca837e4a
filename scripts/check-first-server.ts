/**
 * "Your first server", followed to the letter.
 *
 * In an empty folder, with what npm installs from the packed tarballs: each block of the guide is saved or run as the guide says, and prints
 * what the guide says, once in TypeScript and once in plain JavaScript. Then the files are given to each compiler that readers may have,
 * with every declaration that they reach.
 *
 * Only the port is another one if it is taken.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

import { PackageRegistry } from "./guide/package-registry.ts";
import { Reader } from "./guide/reader.ts";
import { stepsOf, type Language, type Step } from "./guide/steps.ts";
import { packed } from "./packed.ts";
import { blocksOf } from "./snippets/blocks.ts";

const GUIDE = "docs/guides/your-first-server.md";

const PORT = 8007;

const COMPILERS = ["5.9.3", "6.0.3", "7.0.2"];

/** A reader of JavaScript sees what the editor makes of it. */
const JAVASCRIPT_CONFIG = {
  extends: "../tsconfig.json",
  compilerOptions: { allowJs: true, checkJs: true, noImplicitAny: false },
};

const run = promisify(execFile);

/** Our own tools are not there for a reader, and our scope comes from the registry: as the global configuration of npm says, which is kept. */
async function environmentFor(registry: PackageRegistry, configuration: string): Promise<NodeJS.ProcessEnv> {
  const { stdout } = await run("npm", ["config", "get", "globalconfig"]);
  const kept = await readFile(stdout.trim(), "utf8").catch(() => "");
  await writeFile(configuration, `${kept}\n@socketserver:registry=${registry.url}/\n`);
  const { FORCE_COLOR: _, PATH = "", ...others } = process.env;
  const folders = PATH.split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return {
    ...others,
    PATH: [dirname(process.execPath), ...folders].join(delimiter),
    NO_COLOR: "1",
    npm_config_globalconfig: configuration,
    npm_config_audit: "false",
    npm_config_fund: "false",
  };
}

/** This port, or one that is free; 0 for any. */
async function freePort(wanted: number): Promise<number> {
  const server = createServer().listen(wanted, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return freePort(0);
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Follows the guide in `folder`, and answers where the program is then. */
async function follow(steps: readonly Step[], folder: string, environment: NodeJS.ProcessEnv): Promise<string> {
  await mkdir(folder);
  await using reader = new Reader(folder, `${folder}.notes`, environment);
  for (const step of steps) {
    try {
      await reader.follow(step);
    } catch (error) {
      throw new Error(`${GUIDE}:${step.line} ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
  return reader.folder;
}

async function installCompilers(folder: string, environment: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
  const aliases = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`);
  await run("npm", ["install", "--ignore-scripts", ...aliases], { cwd: folder, env: environment });
}

/** Compiles a program, and reads every declaration of what it imports. */
async function compile(compiler: string, folder: string): Promise<void> {
  const options = ["-p", folder, "--skipLibCheck", "false", "--pretty", "false"];
  await run(process.execPath, [compiler, ...options]).catch((error: unknown) => {
    const { stdout = "" } = error as { readonly stdout?: string };
    throw new Error(`${compiler} says of ${folder}:\n${stdout}`, { cause: error });
  });
}

/** The steps as a reader of this language would do them, on this port. */
async function stepsFor(language: Language, port: number): Promise<Step[]> {
  const text = (await readFile(GUIDE, "utf8")).replaceAll(String(PORT), String(port));
  const blocks = blocksOf(GUIDE, text).flatMap((block) => {
    if ("code" in block) return block;
    throw new Error(`${block.file}:${block.line} ${block.message}`);
  });
  return stepsOf(blocks, language);
}

/** Waits for all, so that no server of a reader is left behind, and tells what went wrong. */
async function all(work: readonly Promise<unknown>[]): Promise<boolean> {
  const failed = (await Promise.allSettled(work)).filter((outcome) => outcome.status === "rejected");
  for (const { reason } of failed) process.stderr.write(`${reason instanceof Error ? reason.message : reason}\n`);
  return failed.length === 0;
}

/** Both programs with each of the compilers. The one in JavaScript stands beside what the reader of TypeScript has installed: the types of Node. */
async function compileBoth(compilers: string, typed: string, steps: readonly Step[]): Promise<boolean> {
  const untyped = join(typed, "javascript");
  await mkdir(untyped);
  await writeFile(join(untyped, "tsconfig.json"), JSON.stringify(JAVASCRIPT_CONFIG));
  for (const step of steps) {
    if (step.action === "save") await writeFile(join(untyped, step.file), step.text);
  }
  const work = COMPILERS.map(async (version) => {
    const compiler = join(compilers, "node_modules", `typescript-${version}`, "bin/tsc");
    for (const folder of [typed, untyped]) await compile(compiler, folder);
  });
  return all(work);
}

await using temporary = await mkdtempDisposable(join(tmpdir(), "first-server-"));
await using registry = await PackageRegistry.open((await packed()).values());
const compilers = join(temporary.path, "compilers");
const environment = await environmentFor(registry, join(temporary.path, "npmrc"));
const inTypeScript = await stepsFor("ts", await freePort(PORT));
const inJavaScript = await stepsFor("js", await freePort(PORT + 1));
let program = "";
const followed = await all([
  follow(inTypeScript, join(temporary.path, "ts"), environment).then((folder) => (program = folder)),
  follow(inJavaScript, join(temporary.path, "js"), environment),
  installCompilers(compilers, environment),
]);
if (followed && (await compileBoth(compilers, program, inJavaScript))) {
  process.stdout.write(`${GUIDE}: ${inTypeScript.length} steps in TypeScript, ${inJavaScript.length} in JavaScript\n`);
} else process.exitCode = 1;
