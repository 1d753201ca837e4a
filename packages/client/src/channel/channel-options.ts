import { integer, milliseconds, optional, type OptionRules } from "@socketserver/core";

import { CORRELATE_BY, type CorrelateBy } from "../correlation.ts";

/** How a channel asks and listens. All of it is plain data. */
export interface ChannelOptions<In, Out> {
  /**
   * How replies find their requests: the name of the field that has an id in both, or `{ request, reply }` if the names differ. A message without one is no reply,
   * and is for `receive()`; a reply whose id nobody waits for is late, and passed over. So an id must not be used again soon. It is a string, a number or a bigint;
   * the same integer is the same id, as a number or as a bigint.
   * @defaultValue none: replies come in the order of the requests
   */
  readonly correlateBy?: CorrelateBy<In, Out>;
  /**
   * How long a request waits for its reply, in milliseconds from the call on, an integer >= 0 or `Infinity`; `timeoutMs` of the call overrides it.
   * @defaultValue 30000
   */
  readonly requestTimeoutMs?: number;
  /**
   * Requests that may be sent before the reply to the first of them has come, an integer >= 1 or `Infinity`; 1 sends each after the reply to the one before. Without
   * ids a request that was given up counts until its reply has come; if all of them are, and none comes within `requestTimeoutMs`, the server is given up.
   * @defaultValue 128
   */
  readonly maxPipelinedRequests?: number;
  /**
   * Messages that wait to be sent, an integer >= 0 or `Infinity`. One more rejects with `ERR_SOCKETSERVER_QUEUE_FULL`.
   * @defaultValue 1024
   */
  readonly requestQueueSize?: number;
  /**
   * Messages that have come and were not received, an integer >= 1 or `Infinity`. At the bound nothing more is read, replies included: the other side has to wait.
   * @defaultValue 1024
   */
  readonly inboxSize?: number;
}

/** What {@link ChannelOptions} are when they are checked and complete. */
export interface ResolvedChannelOptions extends Required<Omit<ChannelOptions<unknown, unknown>, "correlateBy">> {
  readonly correlateBy: string | { readonly request: string; readonly reply: string } | undefined;
}

/** The rules of {@link ChannelOptions}. */
export const CHANNEL_OPTION_RULES = {
  correlateBy: optional(CORRELATE_BY),
  requestTimeoutMs: milliseconds(30_000),
  maxPipelinedRequests: integer({ defaultValue: 128, min: 1, unbounded: true }),
  requestQueueSize: integer({ defaultValue: 1_024, min: 0, unbounded: true }),
  inboxSize: integer({ defaultValue: 1_024, min: 1, unbounded: true }),
} as const satisfies OptionRules;
