import {
  ErrorCode,
  integer,
  milliseconds,
  optional,
  resolveOptions,
  show,
  typeError,
  type OptionRules,
} from "@socketserver/core";

import { backoffRules, checkBackoff, type BackoffOptions } from "../backoff.ts";
import { CORRELATE_BY, type CorrelateBy, type IdFields } from "../correlation.ts";
import { CONNECT_OPTION_RULES, type SourceAddress } from "../transport/connect-options.ts";

/** How often a request is sent, and with which pauses. */
export interface RetryOptions extends BackoffOptions {
  /**
   * How often at most a request is sent, an integer >= 1 or `Infinity`; 1 never sends it again. An answer to the last time is waited for as long as a further pause
   * would take.
   * @defaultValue 4
   */
  readonly maxAttempts?: number;
}

/** How a {@link DatagramClient} asks. All of it is plain data: times in milliseconds, `Infinity` for "without bound". */
export interface DatagramClientOptions<In = unknown, Out = In> {
  /**
   * How replies find their requests: the name of the field that has an id in both, or `{ request, reply }` if the names differ. All requests go through one socket
   * then; a reply without an id, or with one that nobody waits for, is ignored. An id that others can guess lets them answer in the server's place, if they can forge its
   * address; one that is used again soon lets a late reply pass for the next. It is a string, a number or a bigint; the same integer is the same id, as a number or as
   * a bigint.
   * @defaultValue none: each request has a socket, and thereby a port, of its own
   */
  readonly correlateBy?: CorrelateBy<In, Out>;
  /**
   * How long a request waits for its reply, all its tries included, in milliseconds from the call on, an integer >= 0 or `Infinity`; `timeoutMs` of the call overrides it.
   * @defaultValue 15000
   */
  readonly requestTimeoutMs?: number;
  /**
   * When a request is sent again: `maxAttempts` times in all (4 unless given), with a pause of `minDelayMs` (1000) behind the first, each longer by `factor` (2), none
   * longer than `maxDelayMs` (60000), and each shorter by up to a part of `jitter` (0.1) at random. A server that gets the same request twice must not mind.
   *
   * @see {@link https://www.rfc-editor.org/rfc/rfc8085#section-3.1.1 | RFC 8085, section 3.1.1}
   * @defaultValue `{ maxAttempts: 4, minDelayMs: 1000, maxDelayMs: 60000, factor: 2, jitter: 0.1 }`
   */
  readonly retry?: RetryOptions;
  /**
   * Requests that are under way at a time, an integer >= 1 or `Infinity`. The others wait, and are sent in the order of their calls.
   * @defaultValue 128
   */
  readonly maxConcurrentRequests?: number;
  /**
   * Requests that wait to be sent, an integer >= 0 or `Infinity`. One more rejects with `ERR_SOCKETSERVER_QUEUE_FULL`.
   * @defaultValue 1024
   */
  readonly requestQueueSize?: number;
  /**
   * Where our end is: an IP address of this machine, and a port, which the system chooses unless given. A given port needs `correlateBy`: without it no two requests
   * can have the same one.
   * @defaultValue the system's choice
   */
  readonly sourceAddress?: SourceAddress;
}

/** What {@link DatagramClientOptions} are when they are checked and complete. */
export interface ResolvedDatagramClientOptions extends Required<
  Omit<DatagramClientOptions, "correlateBy" | "retry" | "sourceAddress">
> {
  readonly correlateBy: string | IdFields | undefined;
  readonly retry: Required<RetryOptions>;
  readonly sourceAddress: SourceAddress | undefined;
}

const OWNER = "datagram client";

/** The rules of {@link DatagramClientOptions}. */
export const DATAGRAM_CLIENT_OPTION_RULES = {
  correlateBy: CORRELATE_BY,
  requestTimeoutMs: milliseconds(15_000),
  retry: {
    ...backoffRules({ minDelayMs: 1_000, maxDelayMs: 60_000, factor: 2, jitter: 0.1 }),
    maxAttempts: integer({ defaultValue: 4, min: 1, unbounded: true }),
  },
  maxConcurrentRequests: integer({ defaultValue: 128, min: 1, unbounded: true }),
  requestQueueSize: integer({ defaultValue: 1_024, min: 0, unbounded: true }),
  sourceAddress: optional(CONNECT_OPTION_RULES.sourceAddress),
} as const satisfies OptionRules;

/**
 * Check how to ask, and fill in the defaults.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` that shows the value.
 */
export function resolveDatagramClientOptions(options: unknown): ResolvedDatagramClientOptions {
  const resolved = resolveOptions(
    DATAGRAM_CLIENT_OPTION_RULES,
    options,
    "",
    OWNER,
  ) as unknown as ResolvedDatagramClientOptions;
  const { correlateBy, sourceAddress, retry } = resolved;
  checkBackoff(retry, OWNER, "retry");
  if ((sourceAddress?.port ?? 0) === 0 || correlateBy !== undefined) return resolved;
  throw typeError(
    ErrorCode.invalidOption,
    `Cannot create ${OWNER}: sourceAddress.port needs correlateBy, because without it each request has a port of its own, received ${show(sourceAddress)}`,
  );
}
