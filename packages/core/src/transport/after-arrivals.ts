import type { Duplex } from "node:stream";

/** A stream whose bytes come from farther away than the kernel: it knows itself when they have come. */
interface Distant {
  afterArrivals(callback: () => void): void;
}

/**
 * Call back when everything that waits in the kernel by now has come out of the stream, if the stream flows.
 *
 * Two turns of the event loop, because a stream that is resumed in one poll phase is polled in the next.
 */
export function afterArrivals(stream: (Duplex & Partial<Distant>) | undefined, callback: () => void): void {
  if (stream?.afterArrivals !== undefined) stream.afterArrivals(callback);
  else setImmediate(() => setImmediate(callback));
}
