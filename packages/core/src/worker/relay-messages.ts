/**
 * How the bytes of a connection cross to a worker where its socket cannot.
 *
 * Both directions are bounded by credit. The listener side reads from the socket no more than the worker has allowed, and the worker sends the next
 * bytes when it was told that the last ones have left. So no more than the high-water mark is under way in either direction, a slow client holds
 * back its handler, and a slow handler its client.
 *
 * @module
 */

import type { ErrorData } from "./error-data.ts";

/** About the socket, from the listener side. */
export type RelayToWorker =
  | { readonly kind: "data"; readonly chunk: Uint8Array }
  /** The peer ended its side. */
  | { readonly kind: "end" }
  /** What the worker sent last has left; after its `end`, our end has. */
  | { readonly kind: "written" }
  /** Whatever waited in the kernel at a `sync` was sent before this. */
  /** With the bytes that the kernel has not got rid of, if that is known. */
  | { readonly kind: "synced"; readonly sendQueue: number | undefined }
  | { readonly kind: "closed"; readonly error: ErrorData | undefined };

/** For the socket, from the worker. */
export type RelayFromWorker =
  /** So many more bytes may be read. */
  | { readonly kind: "credit"; readonly bytes: number }
  | { readonly kind: "data"; readonly chunks: readonly Uint8Array[] }
  | { readonly kind: "end" }
  /** Say `synced` when what waits in the kernel has been sent. */
  | { readonly kind: "sync" }
  | { readonly kind: "noDelay"; readonly noDelay: boolean }
  | { readonly kind: "destroy" }
  | { readonly kind: "reset" };
