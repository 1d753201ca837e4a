/**
 * Counts primes, one number per line over TCP (RFC 9293), in worker threads: work that keeps a core busy.
 *
 * Isolated: time. While one thread computes, the others answer, and the main thread accepts; with `requestsPerWorker: 1` no client waits behind
 * another one's number, but for a free thread, so silent ones are let go soon. Not isolated: the program; a fault in native code ends every thread.
 *
 *     node examples/primes-in-threads.ts         (or: node examples/primes-in-threads.ts 6000, or PORT=6000)
 *     printf '10000000\n' | nc -N 127.0.0.1 5054 (and 100 in another terminal meanwhile)
 */
import { StreamRequestHandler, TCPServer, ThreadingMixIn } from "@socketserver/core";
import { portOr, start } from "./start.ts";

export class PrimesHandler extends StreamRequestHandler {
  override async handle(): Promise<void> {
    for await (const line of this.rfile) {
      const text = line.toString().trim();
      const answer = /^\d{1,8}$/.test(text) ? countPrimes(Number(text)) : "a whole number of at most 8 digits, please";
      await this.wfile.write(`${answer}\n`);
    }
  }
}

/** How many primes there are up to `limit`: the sieve of Eratosthenes. */
function countPrimes(limit: number): number {
  const composite = new Uint8Array(limit + 1);
  let count = 0;
  for (let number = 2; number <= limit; number++) {
    if (composite[number] === 1) continue;
    count++;
    for (let multiple = number * number; multiple <= limit; multiple += number) composite[multiple] = 1;
  }
  return count;
}

export class PrimesServer extends ThreadingMixIn(TCPServer) {}
if (import.meta.main) {
  const options = { idleTimeoutMs: 5_000, threading: { requestsPerWorker: 1 } };
  await using server = new PrimesServer({ port: portOr(5054) }, PrimesHandler, options);
  await start(server, ({ host, port }) => `  printf '10000000\\n' | nc -N ${host} ${port}`);
}
