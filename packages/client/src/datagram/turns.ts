/** Who wants a turn: what to call when it comes. */
type Start = () => void;

/** Lets so many at a time have their turn; the others wait, in the order in which they came. */
export class Turns {
  readonly #atOnce: number;
  readonly #queueSize: number;
  readonly #having = new Set<Start>();
  readonly #waiting = new Set<Start>();

  /**
   * @param atOnce - How many have their turn at a time, at least 1.
   * @param queueSize - How many may wait, at least 0.
   */
  constructor(atOnce: number, queueSize: number) {
    this.#atOnce = atOnce;
    this.#queueSize = queueSize;
  }

  /** Wait for a turn: at once if it is free; false if too many wait. */
  enter(start: Start): boolean {
    if (this.#having.size < this.#atOnce) {
      this.#having.add(start);
      start();
      return true;
    }
    if (this.#waiting.size >= this.#queueSize) return false;
    this.#waiting.add(start);
    return true;
  }

  /** The turn is over, or not wanted any more. */
  leave(start: Start): void {
    this.#waiting.delete(start);
    if (!this.#having.delete(start)) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#having.add(next);
    next();
  }
}
