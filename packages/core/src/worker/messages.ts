/**
 * What the two sides of a worker say to each other.
 *
 * "The handler has ended" and "the connection is closed" are two messages, because they come in either order; "gone" follows both, when
 * `closeRequest` has ended, too. "Taken" comes first: until then the worker may have died without having seen the request. Every message is
 * plain data; a socket that moves travels beside its message.
 *
 * @module
 */

import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import type { AdmissionOptions } from "../server/admission-options.ts";
import type { CloseOptions } from "../server/base-server.ts";
import type { DrainReport } from "../server/drain-report.ts";
import type { CallerId } from "../server/listener-side.ts";
import type { ClassLocation } from "./class-location.ts";
import type { ErrorData } from "./error-data.ts";
import type { RelayFromWorker, RelayToWorker } from "./relay-messages.ts";

/** What a worker is started with. */
export interface WorkerBoot {
  readonly server: ClassLocation;
  readonly handler: ClassLocation;
  readonly address: Address;
  readonly options: object;
  /** How many workers share what is bounded for all connections together. */
  readonly workers: number;
  /** The arguments of the program, from its main module on. */
  readonly argv: readonly string[];
  /** How often the worker tells that it lives, in milliseconds. */
  readonly beatMs: number;
  /** Whether requests may wait for a place in the worker: it tells at once when there is one. */
  readonly scarce: boolean;
}

/** A connection goes to a worker: its socket comes beside this message, or its bytes follow in `relay` messages. */
export interface ConnectionMessage {
  readonly type: "connection";
  readonly id: number;
  readonly clientAddress: Address;
  readonly draining: boolean;
  readonly relayed: boolean;
  /** Who the transport says that the peer is. */
  readonly remoteAddress: Address;
  /** Where our end is, if the socket cannot tell in the worker. */
  readonly localAddress: Address | undefined;
}

/** From the listener side to the worker. */
export type ToWorker =
  | { readonly type: "boot"; readonly boot: WorkerBoot }
  | { readonly type: "listening"; readonly address: Address }
  /** The listener side was held up for so long, and with it what it relays. */
  | { readonly type: "heldUp"; readonly ms: number }
  /** The server is about to close. */
  | { readonly type: "leaving" }
  | ConnectionMessage
  | {
      readonly type: "datagram";
      readonly id: number;
      readonly clientAddress: Address;
      readonly draining: boolean;
      readonly remoteAddress: Address;
      readonly packet: Uint8Array;
    }
  | { readonly type: "relay"; readonly id: number; readonly part: RelayToWorker }
  /** What became of a `send`. */
  | { readonly type: "sent"; readonly sendId: number; readonly error?: ErrorData }
  /** Answer `asked`: what was handed over before has come by then, or never will. */
  | { readonly type: "ask"; readonly id: number }
  | { readonly type: "drain"; readonly id: number }
  | { readonly type: "cut"; readonly id: number; readonly reason: CloseReason }
  | { readonly type: "answer"; readonly callId: number; readonly result?: DrainReport; readonly error?: ErrorData }
  | { readonly type: "stop" };

/** How a worker is. */
export interface WorkerBeat {
  /** The longest that its event loop was held up since the last beat, in milliseconds. */
  readonly eventLoopDelayMs: number;
  /** Bytes of its JavaScript heap in use. */
  readonly heapUsed: number;
  /** File descriptors that its process may still open. */
  readonly freeDescriptors: number;
}

/** From the worker to the listener side. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly error: ErrorData }
  /** Something that nobody caught ends this worker. A thread says it by itself. */
  | { readonly type: "crashed"; readonly error: ErrorData }
  | { readonly type: "beat"; readonly beat: WorkerBeat }
  /** Several of the following, packed: see `request-news.ts`. */
  | { readonly type: "news"; readonly news: readonly number[] }
  | { readonly type: "taken"; readonly id: number }
  /** The answer to `ask`: `taken` would have come before. */
  | { readonly type: "asked"; readonly id: number }
  | { readonly type: "done"; readonly id: number }
  /** Its deadline has passed, and it is waited for no longer. */
  | { readonly type: "overdue"; readonly id: number }
  | { readonly type: "gone"; readonly id: number }
  | {
      readonly type: "closed";
      readonly id: number;
      readonly reason: CloseReason;
      readonly bytesRead: number;
      readonly bytesWritten: number;
      /** Not a time: the clocks of two threads begin at different zeros. */
      readonly idleMs: number;
    }
  | { readonly type: "relay"; readonly id: number; readonly part: RelayFromWorker }
  /** Send a datagram from the server's port. */
  | { readonly type: "send"; readonly sendId: number; readonly data: Uint8Array; readonly address: Address }
  | { readonly type: "error"; readonly error: ErrorData; readonly clientAddress: Address | undefined }
  | WorkerCall;

/** A worker's replica asks something of its server, which is answered. */
export type WorkerCall = { readonly type: "call"; readonly callId: number; readonly callerId: CallerId } & (
  | { readonly method: "shutdown" }
  | { readonly method: "close"; readonly options: CloseOptions }
  | { readonly method: "changeAdmission"; readonly options: AdmissionOptions }
  | { readonly method: "deny"; readonly clients: readonly string[] }
);
