import type { Duplex } from "node:stream";

/** Send small pieces at once instead of waiting to fill packets, if the stream knows the difference. */
export function setNoDelay(stream: Duplex & { setNoDelay?(noDelay: boolean): void }, noDelay: boolean): void {
  stream.setNoDelay?.(noDelay);
}
