import type { Connection } from "@socketserver/core";

/** Bytes that are worth a write of their own: more is not collected, and not copied together. */
const MAX_COLLECTED = 16_384;

const NOTHING = Buffer.alloc(0);

/**
 * What is to be sent on a connection, collected so that the answers to one chunk leave in one write.
 *
 * Nothing waits for long: what is collected leaves before more is read, and at the latest when the code that runs now lets go.
 */
export class Outbox {
  readonly #connection: Connection;
  #collected: Uint8Array[] = [];
  #collectedBytes = 0;
  #scheduled = false;
  /** Whether the connection takes more without waiting. */
  #room = true;
  /** Why the last write did not leave; told to whoever sends next. */
  #failure: { readonly error: unknown } | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Send bytes; the answer resolves when the connection has room for more, and is undefined if it has.
   *
   * @throws what ended the connection.
   */
  add(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    // Says at once what ended it.
    if (this.#connection.destroyed) this.#connection.send(NOTHING);
    if (bytes.length >= MAX_COLLECTED) {
      this.flush();
      this.#write(bytes);
    } else {
      this.#collected.push(bytes);
      this.#collectedBytes += bytes.length;
      if (this.#collectedBytes >= MAX_COLLECTED) this.flush();
      else this.#schedule();
    }
    return this.#room ? undefined : this.#waitForRoom();
  }

  /** Write what was collected. Never throws: whoever sends next is told. */
  flush(): void {
    if (this.#collectedBytes === 0) return;
    const [first] = this.#collected;
    const bytes = this.#collected.length === 1 && first !== undefined ? first : Buffer.concat(this.#collected);
    this.#collected = [];
    this.#collectedBytes = 0;
    this.#write(bytes);
  }

  /**
   * Write what was collected, and wait for room.
   *
   * @throws what ended the connection before this could leave.
   */
  async drain(): Promise<void> {
    this.flush();
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.#room) await this.#waitForRoom();
  }

  async #waitForRoom(): Promise<void> {
    await this.#connection.sendAll(NOTHING);
    this.#room = true;
  }

  #write(bytes: Uint8Array): void {
    try {
      this.#room = this.#connection.send(bytes);
    } catch (error) {
      this.#failure = { error };
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
