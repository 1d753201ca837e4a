/** The one who waits. Methods, not function fields, so that a queue of connections is a queue of requests to the type checker. */
interface Taker<Item> {
  readonly promise: Promise<Item>;
  resolve(item: Item): void;
  reject(reason: unknown): void;
}

/**
 * What was accepted and waits for its turn, first come first served, bounded.
 *
 * One taker at a time, which is the serving loop. Taking is immediate when something waits, and can be called off while nothing does: so no
 * request is ever taken by a loop that has stopped.
 */
export class AcceptQueue<Item> {
  readonly #limit: number;
  readonly #items: Item[] = [];
  #taker: Taker<Item> | undefined;

  /** @param limit - How many may wait, at least 0. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many wait. */
  get length(): number {
    return this.#items.length;
  }

  /** Add an item, or give it to the waiting taker; false if there is no room. */
  offer(item: Item): boolean {
    const taker = this.#taker;
    if (taker !== undefined) {
      this.#taker = undefined;
      taker.resolve(item);
      return true;
    }
    if (this.#items.length >= this.#limit) return false;
    this.#items.push(item);
    return true;
  }

  /** Take the oldest item, waiting for one if there is none. */
  take(): Item | Promise<Item> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    this.#taker ??= Promise.withResolvers<Item>();
    return this.#taker.promise;
  }

  /** Reject the waiting taker, if there is one. */
  callOff(reason: unknown): void {
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.reject(reason);
  }

  /** Remove everything that waits. */
  clear(): Item[] {
    return this.#items.splice(0);
  }
}
