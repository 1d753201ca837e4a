import type { ChunkSink } from "../../src/transport/chunk-source.ts";

/** Receives what a source gives, and remembers it. */
export class RecordingSink implements ChunkSink {
  readonly chunks: Buffer[] = [];
  /** How often it was told the end. */
  ends = 0;
  /** Bytes received. */
  length = 0;
  /** Called with each chunk, after it was remembered. */
  onChunk: () => void = () => {};

  /** Everything that came. */
  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  receive(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    this.onChunk();
  }

  end(): void {
    this.ends++;
  }
}
