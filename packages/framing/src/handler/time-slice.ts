/** What one connection may take of the event loop in one go, in milliseconds; much longer than handling a few messages, and not felt by others. */
const SLICE_MS = 10;

/** The clock is not looked at for each message: that would cost as much as decoding one. */
const MESSAGES_PER_LOOK = 16;

/** Time that one connection has for the messages that came together, before others have a turn. */
export class TimeSlice {
  #messages = 0;
  #began = performance.now();

  /** Others just had a turn. */
  begin(): void {
    this.#messages = 0;
    this.#began = performance.now();
  }

  /** Use it for one more message: a promise to wait for if it is used up, else undefined. */
  use(): Promise<void> | undefined {
    this.#messages += 1;
    if (this.#messages % MESSAGES_PER_LOOK !== 0 || performance.now() - this.#began < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.begin();
        resolve();
      });
    });
  }
}
