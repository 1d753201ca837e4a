/**
 * Bytes in the order in which they came, as the chunks in which they came.
 *
 * Chunks are kept as they are; taking copies only when the result spans more than one of them.
 */
export class ByteQueue {
  #chunks: Buffer[] = [];
  /** Index of the first chunk that still has bytes: shifting an array costs its length. */
  #first = 0;
  /** Bytes of the first chunk that were already taken. */
  #offset = 0;
  #length = 0;

  /** Bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  /** Add a chunk; the queue owns it from now on. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Take exactly `count` bytes; there must be as many. */
  take(count: number): Buffer {
    const head = this.#chunks[this.#first];
    if (head === undefined || count === 0) return Buffer.alloc(0);
    const available = head.length - this.#offset;
    if (count > available) return this.#gather(count, true);
    const bytes = head.subarray(this.#offset, this.#offset + count);
    this.#length -= count;
    if (count === available) this.#dropFirst();
    else this.#offset += count;
    return bytes;
  }

  /** Take at most `limit` bytes. */
  takeSome(limit: number): Buffer {
    return this.take(Math.min(limit, this.#length));
  }

  /** Look at the first `count` bytes, or at all if there are fewer, without taking them. */
  peek(count: number): Buffer {
    const head = this.#chunks[this.#first];
    const wanted = Math.min(count, this.#length);
    if (head === undefined) return Buffer.alloc(0);
    if (head.length - this.#offset >= wanted) return head.subarray(this.#offset, this.#offset + wanted);
    return this.#gather(wanted, false);
  }

  /** Forget everything. */
  clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#offset = 0;
    this.#length = 0;
  }

  /**
   * Where `separator` first begins at or after `from`, counted from the first byte, or -1.
   *
   * A separator may span chunks. After -1 with `n` bytes in the queue, the next search may start at `n - separator.length + 1`.
   */
  indexOf(separator: Buffer, from: number): number {
    let start = 0;
    for (let index = this.#first; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index] as Buffer;
      const skip = index === this.#first ? this.#offset : 0;
      const size = chunk.length - skip;
      if (from < start + size) {
        const found = this.#searchChunk(separator, index, skip, Math.max(from - start, 0));
        if (found !== -1) return start + found;
      }
      start += size;
    }
    return -1;
  }

  /** Search one chunk and what of the separator may run over its end; the answer counts from the chunk's first byte that is left. */
  #searchChunk(separator: Buffer, index: number, skip: number, from: number): number {
    const chunk = this.#chunks[index] as Buffer;
    const found = chunk.indexOf(separator, skip + from);
    if (found !== -1) return found - skip;
    const firstSpanning = Math.max(chunk.length - separator.length + 1, skip + from);
    for (let start = firstSpanning; start < chunk.length; start++) {
      if (this.#matchesAcross(separator, index, start)) return start - skip;
    }
    return -1;
  }

  #matchesAcross(separator: Buffer, index: number, start: number): boolean {
    let chunkIndex = index;
    let position = start;
    for (const byte of separator) {
      let chunk = this.#chunks[chunkIndex];
      if (chunk !== undefined && position === chunk.length) {
        chunk = this.#chunks[++chunkIndex];
        position = 0;
      }
      if (chunk?.[position] !== byte) return false;
      position++;
    }
    return true;
  }

  #gather(count: number, consume: boolean): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    let filled = 0;
    let index = this.#first;
    let offset = this.#offset;
    while (filled < count) {
      const chunk = this.#chunks[index] as Buffer;
      const copied = chunk.copy(bytes, filled, offset, Math.min(chunk.length, offset + count - filled));
      filled += copied;
      offset += copied;
      if (offset === chunk.length) {
        if (consume) this.#chunks[index] = EMPTY;
        index++;
        offset = 0;
      }
    }
    if (consume) {
      this.#length -= count;
      this.#first = index;
      this.#offset = offset;
      this.#compact();
    }
    return bytes;
  }

  #dropFirst(): void {
    this.#chunks[this.#first++] = EMPTY;
    this.#offset = 0;
    this.#compact();
  }

  /** Let go of taken chunks: at once when none is left, else when they are the larger half. */
  #compact(): void {
    if (this.#first === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#first = 0;
    } else if (this.#first > 16 && this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** Stands where a taken chunk stood, so that its memory can be freed before the array is compacted. */
const EMPTY = Buffer.alloc(0);
