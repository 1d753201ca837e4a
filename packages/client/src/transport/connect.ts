import { Connection, formatAddress, type Address } from "@socketserver/core";

import { ClientErrorCode } from "../client-error-code.ts";
import { ConnectError, type FailedAttempt } from "../connect-error.ts";
import { describeError } from "../describe-error.ts";
import { lastTurns } from "../last-turns.ts";
import { resolveTargets, type Target } from "../target.ts";
import { candidates } from "./candidates.ts";
import { resolveConnectOptions, type ConnectOptions, type ResolvedConnectOptions } from "./connect-options.ts";
import { Race, type Winner } from "./race.ts";

/** {@link ConnectOptions}, and how to give up. */
export interface ConnectSettings extends ConnectOptions {
  /** Aborting it before there is a connection ends the attempt: `connect()` rejects with the signal's reason. Later it does nothing. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connect to a server, over TCP or a Unix socket: the answer is the same {@link Connection} that handlers get. Whoever calls it closes it: use `await using`.
 *
 * A host name may stand for several addresses, and several may be given: they are tried in order, each with a head start on the next one, and the first connection
 * is the one (Happy Eyeballs).
 *
 * @param target - Where to: `{ host, port }`, `{ path }`, or a list of them, the preferred one first.
 * @throws {@link ConnectError} that tells every address and why it failed: with the system's code (`ECONNREFUSED`, `ENOENT`, `ENOTFOUND`, ...), or
 * `ERR_SOCKETSERVER_CONNECT_TIMEOUT`.
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS`, `ERR_SOCKETSERVER_INVALID_OPTION` about an argument; the reason of the signal.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.create_connection | create_connection}
 * @see {@link https://www.rfc-editor.org/rfc/rfc8305 | RFC 8305}
 *
 * @example
 * ```ts run
 * import { connect } from "@socketserver/client";
 * import { BaseRequestHandler } from "@socketserver/core";
 * import { serve } from "@socketserver/testing";
 *
 * class UpperHandler extends BaseRequestHandler {
 *   override async handle(): Promise<void> {
 *     await this.request.sendAll(String(await this.request.recv()).toUpperCase());
 *   }
 * }
 *
 * await using running = await serve(UpperHandler);
 * await using connection = await connect({ host: "localhost", port: running.port });
 * await connection.sendAll("hello");
 * console.log(String(await connection.recv()));
 * ```
 *
 * ```text
 * HELLO
 * ```
 */
export async function connect(target: Target | readonly Target[], settings: ConnectSettings = {}): Promise<Connection> {
  const targets = resolveTargets(target);
  const resolved = resolveConnectOptions(settings);
  const { signal } = resolved;
  signal?.throwIfAborted();
  const { socket, address } = await race(targets, resolved, signal);
  const unix = "path" in address ? { remoteAddress: address } : {};
  const connection = new Connection(socket, { ...resolved, ...unix });
  connection.begin();
  return connection;
}

async function race(
  targets: readonly Address[],
  options: ResolvedConnectOptions,
  signal: AbortSignal | undefined,
): Promise<Winner> {
  const { connectTimeoutMs } = options;
  const contest = new Race(options);
  let expired = false;
  const expire = (): void => {
    expired = true;
    contest.stop();
  };
  // A connection that came about while this process was held up is in time: it is seen first.
  const timer = connectTimeoutMs === Infinity ? undefined : setTimeout(() => lastTurns(expire), connectTimeoutMs);
  const abort = (): void => contest.stop();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const running = contest.run(candidates(targets, (attempt) => contest.failed(attempt)));
    const winner = await Promise.race([contest.won, running.then(() => contest.won)]);
    if (winner !== undefined) return winner;
    signal?.throwIfAborted();
    throw connectError(targets, contest.attempts, expired ? connectTimeoutMs : undefined);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function connectError(
  targets: readonly Address[],
  attempts: readonly FailedAttempt[],
  expiredMs: number | undefined,
): ConnectError {
  const last = attempts.at(-1)?.error;
  const code = expiredMs === undefined ? (last?.code ?? "ECONNREFUSED") : ClientErrorCode.connectTimeout;
  const to = targets.map(formatAddress).join(", ");
  const time = expiredMs === undefined ? [] : [`there was no connection after ${expiredMs} ms`];
  const reasons = attempts.map(({ address, error }) => {
    // The one address is told already.
    const tried = formatAddress(address);
    return tried === to ? reasonOf(error) : `${reasonOf(error)} at ${tried}`;
  });
  const message = `Cannot connect to ${to}: ${[...time, ...reasons].join("; ")}`;
  return new ConnectError(code, message, { attempts, ...(last !== undefined && { cause: last }) });
}

function reasonOf(error: FailedAttempt["error"]): string {
  return error.code === ClientErrorCode.connectTimeout ? "no answer" : describeError(error);
}
