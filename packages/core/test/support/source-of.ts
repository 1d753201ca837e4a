import type { Duplex } from "node:stream";

import { chunkSourceOf, type ChunkSource } from "../../src/transport/chunk-source.ts";
import { RecordingSink } from "./recording-sink.ts";

/** The source of a stream's chunks, with a sink that remembers what it is told. */
export function sourceOf(stream: Duplex): { source: ChunkSource; sink: RecordingSink } {
  const source = chunkSourceOf(stream);
  const sink = new RecordingSink();
  source.sink = sink;
  return { source, sink };
}
