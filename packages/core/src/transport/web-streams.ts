import type { ReadableStream, WritableStream } from "node:stream/web";

/** What a pair of WHATWG streams needs of a connection. */
interface StreamEnds {
  recv(): Promise<Uint8Array>;
  sendAll(data: Uint8Array): Promise<void>;
  shutdown(how: "read" | "write"): void;
  abort(): void;
}

/** What comes. It holds the reading side until it is cancelled or ends. */
export function readableOf(connection: StreamEnds): ReadableStream<Uint8Array> {
  return new globalThis.ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const chunk = await connection.recv();
      if (chunk.length === 0) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: () => connection.shutdown("read"),
  });
}

/** What leaves. Closing it ends our side, aborting it resets the connection. */
export function writableOf(connection: StreamEnds): WritableStream<Uint8Array> {
  return new globalThis.WritableStream<Uint8Array>({
    // `abort` would be called when the write that is under way has ended, and that waits for the peer.
    start: ({ signal }) => signal.addEventListener("abort", () => connection.abort()),
    write: (chunk) => connection.sendAll(chunk),
    close: () => connection.shutdown("write"),
  });
}
