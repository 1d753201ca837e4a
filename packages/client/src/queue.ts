/** How many taken items may lie in front of the others before these are moved up. */
const MAX_TAKEN = 1_024;

/** First in, first out, however many there are: the array's own `shift()` moves all of them. */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #taken = 0;

  /** Items that are in it. */
  get length(): number {
    return this.#items.length - this.#taken;
  }

  /** Put one in. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Take the first one, if there is one. */
  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#taken];
    // Whoever has it decides how long it lives.
    this.#items[this.#taken] = undefined;
    this.#taken++;
    if (this.#taken >= MAX_TAKEN && this.#taken * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  /** Take all. */
  takeAll(): readonly Item[] {
    const items = this.#items.slice(this.#taken) as Item[];
    this.#items = [];
    this.#taken = 0;
    return items;
  }
}
