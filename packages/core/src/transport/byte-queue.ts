import { ErrorCode, rangeError } from "../errors.ts";

/** Chunks that wait one by one before small ones are joined: ordinary traffic never gets there. */
const MANY_CHUNKS = 16;

/** Bytes of a chunk below which what keeps it weighs more than itself. */
const SMALL_CHUNK = 512;

/** Bytes that small chunks are joined to. */
const JOINT_BYTES = 4_096;

/**
 * Bytes in the order in which they came, as the chunks in which they came.
 *
 * Chunks are kept as they are, unless there are very many small ones; taking copies only when the result spans more than one of them. Most often there is one chunk: it stands apart from
 * the list of those behind it.
 */
export class ByteQueue {
  #head: Buffer = EMPTY;
  /** Bytes of the head that were already taken. */
  #offset = 0;
  /** What came after the head. */
  #behind: Buffer[] = [];
  /** Index of the first chunk behind that is not the head yet: shifting an array costs its length. */
  #next = 0;
  #length = 0;
  /** Where small chunks are joined; its used part is the last chunk. */
  #joint: Buffer | undefined;

  /** Bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  /** Add a chunk; the queue owns it from now on. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#length === 0) this.#head = chunk;
    else if (chunk.length < SMALL_CHUNK && this.#behind.length - this.#next >= MANY_CHUNKS) this.#join(chunk);
    else this.#behind.push(chunk);
    this.#length += chunk.length;
  }

  /** Take exactly `count` bytes; there must be as many. */
  take(count: number): Buffer {
    const head = this.#head;
    const end = this.#offset + count;
    if (end > head.length) return this.#gather(count, true);
    if (count === 0) return EMPTY;
    const bytes = count === head.length ? head : head.subarray(this.#offset, end);
    this.#length -= count;
    if (end === head.length) this.#dropHead();
    else this.#offset = end;
    return bytes;
  }

  /** Throw `count` bytes away; there must be as many. */
  skip(count: number): void {
    if (count > this.#length) throw this.#tooFew(count);
    this.#length -= count;
    let end = this.#offset + count;
    while (end >= this.#head.length && end > 0) {
      end -= this.#head.length;
      this.#dropHead();
    }
    this.#offset = end;
  }

  /** Look at the first `count` bytes, or at all if there are fewer, without taking them. */
  peek(count: number): Buffer {
    const wanted = Math.min(count, this.#length);
    const end = this.#offset + wanted;
    return end > this.#head.length ? this.#gather(wanted, false) : this.#head.subarray(this.#offset, end);
  }

  /** The byte `index` places after the first; there must be as many. */
  byteAt(index: number): number {
    const position = this.#offset + index;
    return (position < this.#head.length ? this.#head[position] : this.peek(index + 1)[index]) as number;
  }

  /** The unsigned integer of `size` bytes, from 1 to 4, `index` places after the first byte; there must be as many. */
  uintAt(index: number, size: number, bigEndian: boolean): number {
    const start = this.#offset + index;
    const [bytes, at] = start + size <= this.#head.length ? [this.#head, start] : [this.peek(index + size), index];
    return bigEndian ? bytes.readUIntBE(at, size) : bytes.readUIntLE(at, size);
  }

  /** Forget everything. */
  clear(): void {
    this.#head = EMPTY;
    this.#offset = 0;
    this.#behind = [];
    this.#next = 0;
    this.#length = 0;
    this.#joint = undefined;
  }

  /**
   * Where `separator`, one byte or several, first begins at or after `from`, counted from the first byte, or -1.
   *
   * A separator may span chunks. After -1 with `n` bytes in the queue, the next search may start at `n - separator.length + 1`.
   */
  indexOf(separator: Buffer | number, from: number): number {
    // Almost always it stands in the head.
    const found = this.#head.indexOf(separator, this.#offset + from);
    if (found !== -1) return found - this.#offset;
    return this.#next === this.#behind.length ? -1 : this.#search(separator, from);
  }

  #search(separator: Buffer | number, from: number): number {
    // From the end, where whoever goes on with a search begins.
    let index = this.#behind.length - 1;
    let start = this.#length - this.#chunk(index).length;
    while (start > from && index >= this.#next) start -= this.#chunk(--index).length;
    for (; index < this.#behind.length; index++) {
      // The head counts from its first byte, taken or not.
      const found = this.#searchChunk(separator, index, Math.max(from - start, 0));
      if (found !== -1) return start + found;
      start += this.#chunk(index).length;
    }
    return -1;
  }

  /** The chunk at an index behind; the one before the first of them is the head. */
  #chunk(index: number): Buffer {
    return index < this.#next ? this.#head : (this.#behind[index] as Buffer);
  }

  /** Search one chunk and what of the separator may run over its end. */
  #searchChunk(separator: Buffer | number, index: number, from: number): number {
    const chunk = this.#chunk(index);
    const found = chunk.indexOf(separator, from);
    if (found !== -1 || typeof separator === "number") return found;
    for (let start = Math.max(chunk.length - separator.length + 1, from); start < chunk.length; start++) {
      if (this.#matchesAcross(separator, index, start)) return start;
    }
    return -1;
  }

  #matchesAcross(separator: Buffer, index: number, start: number): boolean {
    let chunkIndex = index;
    let position = start;
    for (const byte of separator) {
      if (position === this.#chunk(chunkIndex).length) {
        if (++chunkIndex === this.#behind.length) return false;
        position = 0;
      }
      if (this.#chunk(chunkIndex)[position] !== byte) return false;
      position++;
    }
    return true;
  }

  /** Copy bytes that span chunks. */
  #gather(count: number, consume: boolean): Buffer {
    if (count > this.#length) throw this.#tooFew(count);
    const bytes = Buffer.allocUnsafe(count);
    let filled = this.#head.copy(bytes, 0, this.#offset);
    for (let index = this.#next; filled < count; index++) {
      filled += (this.#behind[index] as Buffer).copy(bytes, filled, 0, count - filled);
    }
    if (consume) this.skip(count);
    return bytes;
  }

  /** Copy a small chunk behind others: many that are kept one by one take a hundred times their own memory. */
  #join(chunk: Buffer): void {
    const used = this.#behind.at(-1) as Buffer;
    const isJoint = used.buffer === this.#joint?.buffer && used.byteOffset === this.#joint.byteOffset;
    if (this.#joint !== undefined && isJoint && used.length + chunk.length <= JOINT_BYTES) {
      this.#joint.set(chunk, used.length);
      this.#behind[this.#behind.length - 1] = this.#joint.subarray(0, used.length + chunk.length);
    } else {
      this.#joint = Buffer.allocUnsafeSlow(JOINT_BYTES);
      this.#joint.set(chunk);
      this.#behind.push(this.#joint.subarray(0, chunk.length));
    }
  }

  #tooFew(count: number): RangeError {
    return rangeError(
      ErrorCode.invalidArgument,
      `Cannot take ${count} bytes: there are ${this.#length} bytes in the queue`,
    );
  }

  #dropHead(): void {
    this.#offset = 0;
    if (this.#next === this.#behind.length) {
      this.#head = EMPTY;
      return;
    }
    this.#head = this.#behind[this.#next] as Buffer;
    this.#behind[this.#next++] = EMPTY;
    this.#compact();
  }

  /** Let go of taken chunks: at once when none is left, else when they are the larger half. */
  #compact(): void {
    if (this.#next === this.#behind.length) {
      this.#behind.length = 0;
      this.#next = 0;
    } else if (this.#next > 16 && this.#next * 2 > this.#behind.length) {
      this.#behind = this.#behind.slice(this.#next);
      this.#next = 0;
    }
  }
}

/** Stands where nothing is, so that the memory of what stood there can be freed. */
const EMPTY = Buffer.alloc(0);
