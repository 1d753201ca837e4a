/**
 * Hashes passwords with scrypt (RFC 7914), one per line over TCP, in child processes with a limit of memory.
 *
 * Isolated: time and memory. A process that computes, leaks or crashes takes its own connections with it and nothing else; here each has 64 MiB of
 * JavaScript heap and is replaced after about 1 000 connections. Not isolated: the machine's cores, and files.
 *
 *     node examples/hashing-in-processes.ts      (or: node examples/hashing-in-processes.ts 6000, or PORT=6000)
 *     printf 'secret\n' | nc -N 127.0.0.1 5055
 */
import { ForkingMixIn, StreamRequestHandler, TCPServer } from "@socketserver/core";
import { randomBytes, scryptSync } from "node:crypto";

import { portOr, start } from "./start.ts";

const MEBIBYTE = 1_048_576;

export class HashHandler extends StreamRequestHandler {
  override async handle(): Promise<void> {
    for await (const line of this.rfile) {
      const salt = randomBytes(16);
      const hash = scryptSync(line.toString().trimEnd(), salt, 32, { N: 32_768, r: 8, p: 1, maxmem: 64 * MEBIBYTE });
      await this.wfile.write(`$scrypt$ln=15,r=8,p=1$${salt.toString("base64")}$${hash.toString("base64")}\n`);
    }
  }
}

export class HashServer extends ForkingMixIn(TCPServer) {}

if (import.meta.main) {
  const forking = { requestsPerWorker: 1, maxHeapSize: 64 * MEBIBYTE, recycleAfterRequests: 1_000 };
  await using server = new HashServer({ port: portOr(5055) }, HashHandler, { idleTimeoutMs: 5_000, forking });
  await start(server, ({ host, port }) => `  printf 'secret\\n' | nc -N ${host} ${port}`);
}
