/**
 * Echo with every limit and clock on, or, with the argument `off`, with every one off.
 *
 * What is on is far from what the load reaches: the question is what the watching costs.
 *
 * @module
 */
import { AsyncTCPServer, BaseRequestHandler, type ServerOptions, type InternetAddress } from "@socketserver/core";

import { listening } from "./listening.ts";

const MANY = 1_000_000;
const MINUTE_MS = 60_000;

const ON: ServerOptions = {
  requestQueueSize: 512,
  verifyTimeoutMs: 10_000,
  idleTimeoutMs: MINUTE_MS,
  deadlineMs: 60 * MINUTE_MS,
  firstByteTimeoutMs: MINUTE_MS,
  maxAgeMs: 60 * MINUTE_MS,
  minReadRate: 240,
  minWriteRate: 240,
  maxBufferedBytes: 256 * 1_048_576,
  reservedDescriptors: 32,
  writeStallMs: 30_000,
  maxConnections: 16_384,
  maxConnectionsPerAddress: 10_000,
  maxConnectionsPerSubnet: 10_000,
  maxAcceptRate: MANY,
  maxAcceptRatePerAddress: MANY,
  admissionWaitMs: 1_000,
  allowAddresses: ["127.0.0.0/8"],
  denyAddresses: ["203.0.113.0/24"],
};

/** `lingerMs` and `highWaterMark` stay as they are: without them it would be another server. */
const OFF: ServerOptions = {
  requestQueueSize: Infinity,
  verifyTimeoutMs: Infinity,
  idleTimeoutMs: Infinity,
  maxBufferedBytes: Infinity,
  reservedDescriptors: 0,
  writeStallMs: Infinity,
  maxConnections: Infinity,
};

export class LimitedEchoHandler extends BaseRequestHandler {
  override async handle(): Promise<void> {
    for (;;) {
      const data = await this.request.recv();
      if (data.length === 0) return;
      await this.request.sendAll(data);
    }
  }
}

if (import.meta.main) {
  const options = process.argv[2] === "off" ? OFF : ON;
  const server = new AsyncTCPServer({ host: "127.0.0.1", port: 0 }, LimitedEchoHandler, options);
  const { port } = (await server.listen()) as InternetAddress;
  listening(port);
  await server.serveForever();
}
