import type { Address } from "../address.ts";
import type { BufferBudget } from "./buffer-budget.ts";

/** The bounds of one connection; see the options of servers for what each means. */
export interface ConnectionOptions {
  /** Bytes kept per direction. @defaultValue 65536 */
  readonly highWaterMark?: number;
  /** How long a read waits for the peer, in milliseconds. @defaultValue 300000 */
  readonly idleTimeoutMs?: number;
  /** How long the peer may take nothing of our output, in milliseconds. @defaultValue 30000 */
  readonly writeStallMs?: number;
  /** How long `close()` waits for the peer to end its side, counted from the last byte before our end, in milliseconds. @defaultValue 2000 */
  readonly lingerMs?: number;
  /** How long the peer may take to send its first byte, in milliseconds, counted from `begin()`. @defaultValue Infinity */
  readonly firstByteTimeoutMs?: number;
  /** Bytes per second that have to come while a read waits inside of a message. @defaultValue 0 */
  readonly minReadRate?: number;
  /** Bytes per second that the peer has to take of what is pending. @defaultValue 0 */
  readonly minWriteRate?: number;
  /** How long either rate may be lower, in milliseconds. @defaultValue 5000 */
  readonly rateGraceMs?: number;
  /** What this connection may keep together with others. @defaultValue none */
  readonly budget?: BufferBudget | undefined;
  /** Whether nothing may be read before `begin()`. @defaultValue false */
  readonly held?: boolean;
  /** Who the peer is, if the stream does not know. */
  readonly remoteAddress?: Address;
  /** Where our end is, if the stream does not know. */
  readonly localAddress?: Address;
}

/** The bounds of a connection among more than these: to be taken once, and not for each connection. */
export function boundsOf(options: ConnectionOptions): ConnectionOptions {
  const { highWaterMark, idleTimeoutMs, writeStallMs, lingerMs } = options;
  const { firstByteTimeoutMs, minReadRate, minWriteRate, rateGraceMs } = options;
  const bounds = { highWaterMark, idleTimeoutMs, writeStallMs, lingerMs };
  return { ...bounds, firstByteTimeoutMs, minReadRate, minWriteRate, rateGraceMs } as ConnectionOptions;
}
