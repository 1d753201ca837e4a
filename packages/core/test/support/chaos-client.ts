import { connect } from "node:net";

import { CHAOS_MASK, ChaosCommand } from "../fixtures/chaos-handler.ts";
import type { ChaosOutcome } from "./chaos-ledger.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** The longest body, in bytes. */
const MAX_BODY = 300_000;

/** How long a client waits in silence, in milliseconds: beyond every pause and kill of a pool on a loaded machine. */
const PATIENCE_MS = 20_000;

/** Each answer begins with the worker, in 4 bytes. */
const WORKER_BYTES = 4;

/** What one client does. */
export interface ChaosExchange {
  readonly port: number;
  /** Where the client connects from. */
  readonly host: string;
  readonly command: ChaosCommand;
  /** Called when the worker tells which one it is. */
  readonly onWorker?: (worker: number) => void;
}

/** Talks to a `ChaosHandler`: bodies are pieces of one block of random bytes, so that a client costs little. */
export class ChaosClient {
  readonly #random: SeededRandom;
  readonly #bodies: Buffer;
  readonly #answers: Buffer;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#bodies = Buffer.from(Array.from({ length: 2 * MAX_BODY }, () => random.integer(0, 255)));
    this.#answers = Buffer.from(this.#bodies.map((byte) => byte ^ CHAOS_MASK));
  }

  /** Connect, send a body, compare what comes back; resolves when the connection is closed. Never rejects. */
  exchange({ port, host, command, onWorker }: ChaosExchange): Promise<ChaosOutcome> {
    const { promise, resolve } = Promise.withResolvers<ChaosOutcome>();
    const echoes = command === ChaosCommand.echo || command === ChaosCommand.echoToEnd;
    // As many small ones as large ones.
    const length = echoes ? Math.floor(MAX_BODY ** this.#random.next()) : 0;
    const start = this.#random.integer(0, this.#bodies.length - length);
    const expected = this.#answers.subarray(start, start + length);
    const socket = connect({ port, host: "127.0.0.1", localAddress: host });
    let head = Buffer.alloc(0);
    let worker: number | undefined;
    let received = 0;
    let wrong: string | undefined;
    let ended = false;

    socket.setTimeout(PATIENCE_MS, () => {
      wrong ??= `nothing came for ${PATIENCE_MS} ms`;
      socket.destroy();
    });
    socket.on("data", (data: Buffer) => {
      let chunk = data;
      if (worker === undefined) {
        head = Buffer.concat([head, chunk]);
        if (head.length < WORKER_BYTES) return;
        worker = head.readUInt32BE();
        chunk = head.subarray(WORKER_BYTES);
        onWorker?.(worker);
      }
      if (!chunk.equals(expected.subarray(received, received + chunk.length))) wrong ??= `it differs after ${received}`;
      received += chunk.length;
    });
    socket.on("end", () => (ended = true));
    socket.on("error", (error) => (wrong ??= error.message));
    socket.on("close", () => {
      if (received !== length) wrong ??= `it got ${received} of ${length} bytes`;
      if (!ended) wrong ??= "it was not ended";
      resolve({ worker, complaint: wrong });
    });

    const header = Buffer.alloc(5);
    header.writeUInt8(command);
    header.writeUInt32BE(length, 1);
    socket.write(header);
    const body = this.#bodies.subarray(start, start + length);
    if (command === ChaosCommand.echoToEnd) socket.end(body);
    else if (length > 0) socket.write(body);
    return promise;
  }
}
