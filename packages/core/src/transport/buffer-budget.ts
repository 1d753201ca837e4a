import { CloseReason } from "../close-reason.ts";

/** Whoever keeps bytes for a peer. */
export interface BufferHolder {
  /** Reset it: it keeps nothing any more. */
  cut(reason: CloseReason): void;
}

/**
 * What all connections of one event loop may keep together. Who keeps the most is cut when it is too much: others would have to be cut for its sake.
 */
export class BufferBudget {
  /** Bytes. */
  readonly limit: number;

  readonly #kept = new Map<BufferHolder, number>();
  #used = 0;

  /** @param limit - Bytes, at least 0. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes that are kept now. */
  get used(): number {
    return this.#used;
  }

  /** So many bytes are what a holder keeps from now on. */
  keep(holder: BufferHolder, bytes: number): void {
    const more = bytes - (this.#kept.get(holder) ?? 0);
    if (more === 0) return;
    this.#used += more;
    if (bytes > 0) this.#kept.set(holder, bytes);
    else this.#kept.delete(holder);
    if (more > 0 && this.#used > this.limit) this.#cutLargest();
  }

  /** One is enough: the others fitted before, and it keeps at least as much as what came last. */
  #cutLargest(): void {
    let largest: readonly [BufferHolder, number] | undefined;
    for (const holder of this.#kept) if (largest === undefined || holder[1] > largest[1]) largest = holder;
    largest?.[0].cut(CloseReason.memory);
  }
}
