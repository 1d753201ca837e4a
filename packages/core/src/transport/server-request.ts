import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";

/** What the life of a request needs of a connection or a datagram. The calls are the framework's: a handler uses `close()` or `abort()`. */
export interface ServerRequest {
  /** Who sent it. */
  readonly remoteAddress: Address;
  /** Aborted when the server is going away: finish what you are doing. */
  readonly drainSignal: AbortSignal;
  /** Aborted when it is over: closed, reset, past a deadline, cut. */
  readonly signal: AbortSignal;
  /** How it ended, once it has. */
  readonly closeReason: CloseReason | undefined;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Milliseconds of `performance.now()` at which something was last read or written. */
  readonly lastActivity: number;
  /** How long a read waits for the peer, in milliseconds. */
  idleTimeoutMs: number;
  /** Whether reads at a boundary answer end-of-stream when draining begins. */
  endOnDrain: boolean;
  /** Whether nothing can come or go any more, although `closeReason` may not be known yet. */
  readonly destroyed: boolean;
  /** Whether this error tells of this request; one of another connection is a failure of the handler. */
  owns(error: unknown): boolean;
  /** Call back when what is on its way by now has come. */
  afterArrivals(callback: () => void): void;
  /** The handler side begins: from now on it may be read. */
  begin(): void;
  /** The server is going away: end reads at a boundary, abort `drainSignal`. */
  drain(): void;
  /** This is how it ended, as far as our side knows; a failure of the transport that comes before our last byte left still wins. */
  conclude(reason: CloseReason): void;
  /** End our side; resolves when nothing of ours is pending and the peer has ended too, or `lingerMs` later. */
  linger(): Promise<void>;
  /** Close now; what is still pending is lost. Idempotent. */
  destroy(): void;
  /** Reset now, with this reason. Idempotent. */
  cut(reason: CloseReason): void;
  /** Call `listener` once when it is closed; at once if it already is. */
  onClosed(listener: (reason: CloseReason) => void): void;
}
