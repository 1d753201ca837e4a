/**
 * The packages, checked as a user gets them.
 *
 * The tarballs are what is published, so they are what is looked at: packed from a fresh build, read by publint and
 * attw, installed by npm into an empty folder, compiled against, imported by plain Node and put to work. Nothing of the workspace is
 * reachable from that folder, so a file or a dependency that was forgotten is missed here and not by the first user.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtempDisposable, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { packed } from "./packed.ts";

/** What the programs print is our output; one that fails throws, and so ends the check. */
const SHOWN = { stdio: "inherit" } as const;

/** Of core and its one dependency, installed: what a user of the servers pays, in bytes. */
const SIZE_LIMIT = 400 * 1024;

const CONSUMER = `
import * as core from "@socketserver/core";
import * as framing from "@socketserver/framing";
import * as client from "@socketserver/client";
import * as testing from "@socketserver/testing";

for (const [name, exported] of Object.entries({ core, framing, client, testing })) {
  if (Object.keys(exported).length === 0) throw new Error(name + " exports nothing");
}
`;

/**
 * The servers at work, with and without workers: what is published has other files than what is tested. The handler says where it runs, and whether
 * it knows the same classes there as the framework does.
 */
const SERVING_CONSUMER = `
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { isMainThread } from "node:worker_threads";
import * as core from "@socketserver/core";

export class WhereHandler extends core.StreamRequestHandler {
  static readonly module = import.meta.url;

  override async handle(): Promise<void> {
    const line = await this.rfile.readLine();
    const same = this.server instanceof core.BaseServer && this.request instanceof core.Connection;
    const place = isMainThread ? (process.send === undefined ? "main" : "process") : "thread";
    await this.wfile.write([line.toString().trim(), place, same, this.server.constructor.name].join(" "));
  }
}

export class EchoPacketHandler extends core.DatagramRequestHandler {
  override async handle(): Promise<void> {
    await this.wfile.write(this.packet);
  }
}

async function ask(address: { readonly port: number } | { readonly path: string }): Promise<string> {
  const socket = connect("path" in address ? { path: address.path } : { port: address.port, host: "127.0.0.1" });
  socket.write("asked\\n");
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

function expectAnswer(answer: string, expected: string): void {
  if (answer !== expected) throw new Error("answered " + answer + ", not " + expected);
}

async function checkStreams(server: core.BaseServer, place: string, handOver?: string): Promise<void> {
  await using closing = server;
  await closing.listen();
  void closing.serveForever();
  const known = (server as { readonly handOver?: string }).handOver;
  if (known !== handOver) throw new Error("hands over by " + known + ", not by " + handOver);
  const address = server.serverAddress as { readonly port: number } | { readonly path: string };
  expectAnswer(await ask(address), ["asked", place, true, server.constructor.name].join(" "));
}

async function checkDatagrams(server: core.UDPServer): Promise<void> {
  await using closing = server;
  await closing.listen();
  void closing.serveForever();
  const socket = createSocket("udp4");
  socket.send("packet", (server.serverAddress as core.InternetAddress).port, "127.0.0.1");
  const [answer] = await once(socket, "message");
  socket.close();
  expectAnswer(String(answer), "packet");
}

if (import.meta.main) {
  const internet = { host: "127.0.0.1", port: 0 };
  const unix = { path: "serving.sock" };
  const one = { threads: 1 };
  await checkStreams(new core.TCPServer(internet, WhereHandler), "main");
  await checkStreams(new core.AsyncUnixStreamServer(unix, WhereHandler), "main");
  await checkStreams(new core.ThreadingTCPServer(internet, WhereHandler, { threading: one }), "thread", "transfer");
  const relayed = { threading: { threads: 1, relay: true } };
  await checkStreams(new core.ThreadingTCPServer(internet, WhereHandler, relayed), "thread", "relay");
  await checkStreams(new core.ThreadingUnixStreamServer(unix, WhereHandler, { threading: one }), "thread", "relay");
  await checkStreams(new core.ForkingTCPServer(internet, WhereHandler, { forking: { processes: 1 } }), "process", "send");
  await checkDatagrams(new core.AsyncUDPServer(internet, EchoPacketHandler));
  await checkDatagrams(new core.ThreadingUDPServer(internet, EchoPacketHandler, { threading: one }));
}
`;

const CONSUMER_CONFIG = {
  compilerOptions: {
    module: "nodenext",
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    strict: true,
    // So that the packages' own declarations are read too, every file of them.
    skipLibCheck: false,
  },
  files: ["consumer.ts"],
};

/** A server that is not built right may wait for ever. */
const RUN_MS = 60_000;

const QUIET = ["--no-audit", "--no-fund", "--ignore-scripts"];

/** What needs a package that a user installs only for that: looked at when all else has passed without it. */
const OPTIONAL_CONSUMER = `
import { lengthPrefixed } from "@socketserver/framing";
import { messagePack } from "@socketserver/framing/message-pack";

const codec = lengthPrefixed().with(messagePack());
const decoder = codec.decoder();
decoder.push(codec.encode("packed"));
if (decoder.read() !== "packed") throw new Error("message-pack does not work");
`;

/** Lets publint and attw read a tarball. */
function read(tarball: string): void {
  execFileSync("publint", ["run", tarball, "--strict"], SHOWN);
  execFileSync("attw", [tarball, "--profile", "esm-only", "--no-definitely-typed", "--no-emoji"], SHOWN);
}

/** Installs the tarballs into `folder`, compiles a program against them and runs it. */
async function consume(tarballs: readonly string[], folder: string): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(CONSUMER_CONFIG));
  await writeFile(join(folder, "consumer.ts"), CONSUMER);
  const nodeTypes = `@types/node@${await versionOf("node_modules/@types/node")}`;
  execFileSync("npm", ["install", ...QUIET, ...tarballs, nodeTypes], { ...SHOWN, cwd: folder });
  run(folder);
  await writeFile(join(folder, "consumer.ts"), SERVING_CONSUMER);
  run(folder);
  await writeFile(join(folder, "consumer.ts"), OPTIONAL_CONSUMER);
  const messagePack = `msgpackr@${await versionOf("packages/framing/node_modules/msgpackr")}`;
  execFileSync("npm", ["install", ...QUIET, messagePack], { ...SHOWN, cwd: folder });
  run(folder);
}

/** Compiles the consumer and runs it with plain Node. */
function run(folder: string): void {
  execFileSync("tsc", ["-p", folder], SHOWN);
  execFileSync("node", ["consumer.js"], { ...SHOWN, cwd: folder, timeout: RUN_MS });
}

async function versionOf(folder: string): Promise<string> {
  const manifest: { readonly version: string } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  return manifest.version;
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) size += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return size;
}

const tarballs = [...(await packed()).values()];
for (const tarball of tarballs) read(tarball);
await using temporary = await mkdtempDisposable(join(tmpdir(), "socketserver-packages-"));
const consumer = join(temporary.path, "consumer");
await consume(tarballs, consumer);
const installed = ["@socketserver/core", "eventemitter3"].map((name) => sizeOf(join(consumer, "node_modules", name)));
const size = (await Promise.all(installed)).reduce((sum, each) => sum + each, 0);
process.stdout.write(`core and eventemitter3 installed: ${size} bytes of at most ${SIZE_LIMIT}\n`);
if (size > SIZE_LIMIT) process.exitCode = 1;
