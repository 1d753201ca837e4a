/**
 * Which runtime serves what: the table of docs/guides/which-platform.md, for this machine.
 *
 * Core is packed and installed as a user would. Then each runtime, in versions of its own from npm, starts every class of servers, and some requests
 * are made of each. It says nothing about speed, and nothing about what happens in the second hour.
 *
 *     node scripts/try-platforms.ts             (or with the names of some: node scripts/try-platforms.ts "Node 26" Bun)
 *
 * @module
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { packed } from "./packed.ts";

/** How a runtime is installed, and how it runs a program. */
interface Runtime {
  readonly name: string;
  readonly package: string;
  readonly command: readonly [program: string, ...args: string[]];
}

/** What became of one server: what the probe said, or how it failed. */
interface Outcome {
  readonly version?: string;
  readonly text: string;
}

const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;

const RUNTIMES: readonly Runtime[] = [
  ...["26", "24.20.0", "25", "24.19.0", "22"].map((version) => ({
    name: `Node ${version}`,
    package: `${NODE_PACKAGE}@${version}`,
    command: [`node_modules/${NODE_PACKAGE}/bin/node`] as const,
  })),
  { name: "Bun", package: "bun@1", command: ["node_modules/.bin/bun", "run"] },
  { name: "Deno", package: "deno@2", command: ["node_modules/.bin/deno", "run", "--allow-all", "--quiet"] },
];

const MIXINS = ["", "Async", "Threading", "Forking"];
const TRANSPORTS = ["TCPServer", "UDPServer", "UnixStreamServer"];

/** A server that says nothing for so long does not work. */
const RUN_MS = 20_000;

/**
 * Serves with the class that its argument names: a line, 4 MiB there and back, in workers a crash and twenty lines after it, and then an end with
 * an idle client, all of it without an error that was not asked for. Says who answered and how the request got there.
 */
const PROBE = `
import * as core from "@socketserver/core";
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { isMainThread } from "node:worker_threads";

const where = () => (!isMainThread ? "thread" : process.send !== undefined ? "process" : "main");

function crash() {
  setTimeout(() => {
    throw new Error("a crash that was asked for");
  });
}

export class ProbeHandler extends core.StreamRequestHandler {
  async handle() {
    const line = (await this.rfile.readLine()).toString().trim();
    if (line === "crash") crash();
    if (line !== "") await this.wfile.write(\`\${line} \${where()}\`);
    for (let data = await this.request.recv(); data.length > 0; data = await this.request.recv()) await this.wfile.write(data);
  }
}

export class PacketHandler extends core.DatagramRequestHandler {
  async handle() {
    if (String(this.packet) === "crash") crash();
    await this.wfile.write(\`\${this.packet} \${where()}\`);
  }
}

async function ask(address, line, rest = "") {
  const socket = connect(address);
  socket.on("error", () => {});
  socket.end(\`\${line}\n\${rest}\`);
  let answer = "";
  for await (const chunk of socket.setEncoding("latin1")) answer += chunk;
  return answer;
}

async function askPacket({ host, port }, packet) {
  const socket = createSocket("udp4");
  const answer = once(socket, "message");
  socket.send(packet, port, host);
  const [message] = await answer;
  socket.close();
  return String(message);
}

const { versions } = process;
const version = versions.bun ?? versions.deno ?? versions.node;

if (import.meta.main) {
  const [name, home] = process.argv.slice(2);
  const datagrams = name.endsWith("UDPServer");
  const address = name.endsWith("UnixStreamServer") ? { path: "probe.sock" } : { host: "127.0.0.1", port: 0 };
  const options = { thread: { threading: { threads: 1 } }, process: { forking: { processes: 1 } }, main: {} }[home];
  const server = new core[name](address, datagrams ? PacketHandler : ProbeHandler, { ...options, graceMs: 3000 });
  const errors = [];
  server.on("requestError", (error) => errors.push(error));
  const real = await server.listen();
  const serving = server.serveForever();
  const talk = datagrams ? askPacket : ask;
  assert.equal(await talk(real, "hello"), \`hello \${home}\`);
  const large = "x".repeat(4 * 1_048_576);
  if (!datagrams) assert.ok((await talk(real, "large", large)) === \`large \${home}\${large}\`, "4 MiB did not come back");
  if (home !== "main") {
    const gone = new Promise((resolve) => server.once("workerExit", resolve));
    await talk(real, "crash").catch(() => {});
    await gone;
    for (let time = 1; time <= 20; time++) assert.equal(await talk(real, "again"), \`again \${home}\`);
    errors.length = 0;
  }
  const idle = datagrams ? undefined : connect(real);
  idle?.on("error", () => {}).resume();
  if (idle !== undefined) await new Promise((resolve) => server.once("request", resolve));
  const report = await server.close();
  assert.equal(report.cut.length, 0, "an idle client was cut");
  await serving;
  idle?.destroy();
  if (errors.length > 0) throw errors[0];
  console.log(JSON.stringify({ version, handOver: server.handOver }));
}
`;

/** Lets one class serve, and tells in a few words what became of it. */
async function probe(runtime: Runtime, server: string, folder: string): Promise<Outcome> {
  const [program, ...args] = runtime.command;
  const home = server.startsWith("Threading") ? "thread" : server.startsWith("Forking") ? "process" : "main";
  try {
    const run = promisify(execFile);
    const env = { ...process.env, NO_COLOR: "1" };
    const options = { cwd: folder, env, timeout: RUN_MS, killSignal: "SIGKILL" as const };
    const { stdout } = await run(join(folder, program), [...args, "probe.mjs", server, home], options);
    const said: { version: string; handOver?: string } = JSON.parse(stdout);
    return { version: said.version, text: said.handOver ?? "yes" };
  } catch (error) {
    const { killed, stderr = "", message } = error as Error & { readonly killed?: boolean; readonly stderr?: string };
    if (killed === true) return { text: `nothing in ${RUN_MS / 1000} s` };
    // What ended the program is told last.
    const reason = [...stderr.matchAll(/\b[A-Z]\w*Error\b.*/g)].at(-1)?.[0] ?? message;
    return { text: `no: ${reason.trim()}` };
  }
}

/** Installs core and one runtime into a folder, and tries every class of servers. */
async function tryRuntime(runtime: Runtime, tarball: string): Promise<string[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "socketserver-platform-"));
  await writeFile(join(folder.path, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(join(folder.path, "probe.mjs"), PROBE);
  const quiet = ["--no-audit", "--no-fund", "--silent"];
  execFileSync("npm", ["install", ...quiet, tarball, runtime.package], { cwd: folder.path, stdio: "inherit" });
  const rows: string[] = [];
  for (const transport of TRANSPORTS) {
    const outcomes: Outcome[] = [];
    for (const mixin of MIXINS) outcomes.push(await probe(runtime, `${mixin}${transport}`, folder.path));
    const version = outcomes.find((outcome) => outcome.version !== undefined)?.version;
    const name = version === undefined ? runtime.name : `${runtime.name.split(" ")[0]} ${version}`;
    rows.push(`| ${[name, transport, ...outcomes.map(({ text }) => text)].join(" | ")} |`);
  }
  return rows;
}

const wanted = process.argv.slice(2);
const tarball = (await packed()).get("core") ?? "";
process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${process.platform} ${process.arch}\n\n`);
process.stdout.write(
  "| runtime | server | plain | Async | Threading | Forking |\n| --- | --- | --- | --- | --- | --- |\n",
);
for (const runtime of RUNTIMES) {
  if (wanted.length > 0 && !wanted.includes(runtime.name)) continue;
  for (const row of await tryRuntime(runtime, tarball)) process.stdout.write(`${row}\n`);
}
