import type { Connection } from "@socketserver/core";

const NOTHING = Buffer.alloc(0);

/** A message on its way out. */
export interface OutgoingMessage {
  readonly bytes: Uint8Array;
  /** Whether it needs room for one more request. */
  readonly isRequest: boolean;
  /** It was given to the connection. */
  left(): void;
  /** And there is room for more. */
  hasRoom?(): void;
  /** It cannot leave any more. */
  failed(cause?: Error): void;
}

/**
 * Messages leave in the order of the calls: one waits while the connection has no room, while it is a request and as many as allowed are unanswered, and while one
 * before it waits.
 */
export class Outgoing {
  readonly #connection: Connection;
  readonly #size: number;
  readonly #mayAsk: () => boolean;
  readonly #waiting: OutgoingMessage[] = [];
  /** Given to the connection, which has no room for more. */
  #leaving: OutgoingMessage[] = [];

  /**
   * @param size - Messages that may wait.
   * @param mayAsk - Whether there is room for one more request.
   */
  constructor(connection: Connection, size: number, mayAsk: () => boolean) {
    this.#connection = connection;
    this.#size = size;
    this.#mayAsk = mayAsk;
  }

  /** Send it now, or when its turn comes; false if no more may wait. */
  add(message: OutgoingMessage): boolean {
    if (this.#waiting.length === 0 && this.#mayGo(message)) {
      this.#give(message);
      return true;
    }
    if (this.#waiting.length >= this.#size) return false;
    this.#waiting.push(message);
    return true;
  }

  /** Do not send it, if it still waits. */
  remove(message: OutgoingMessage): void {
    const index = this.#waiting.indexOf(message);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    // It may have been what the others waited for.
    this.flush();
  }

  /** There may be room: send what can go. */
  flush(): void {
    for (let [first] = this.#waiting; first !== undefined && this.#mayGo(first); [first] = this.#waiting) {
      this.#waiting.shift();
      this.#give(first);
    }
  }

  /** Nothing will leave any more. */
  fail(): void {
    const unsent = [...this.#leaving, ...this.#waiting.splice(0)];
    this.#leaving = [];
    for (const message of unsent) message.failed();
  }

  #mayGo({ isRequest }: OutgoingMessage): boolean {
    return this.#leaving.length === 0 && (!isRequest || this.#mayAsk());
  }

  #give(message: OutgoingMessage): void {
    let hasRoom: boolean;
    try {
      hasRoom = this.#connection.sendSoon(message.bytes);
    } catch (error) {
      message.failed(error as Error);
      return;
    }
    message.left();
    if (hasRoom) message.hasRoom?.();
    else this.#waitForRoom(message);
  }

  #waitForRoom(message: OutgoingMessage): void {
    this.#leaving.push(message);
    this.#connection.sendAll(NOTHING).then(
      () => {
        const left = this.#leaving;
        this.#leaving = [];
        for (const each of left) each.hasRoom?.();
        this.flush();
      },
      () => {
        // Whoever reads is told, and tells us.
      },
    );
  }
}
