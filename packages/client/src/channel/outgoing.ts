import { ErrorCode, type Connection } from "@socketserver/core";

import { codeOf } from "../code-of.ts";

/** A message on its way out. */
export interface OutgoingMessage {
  readonly bytes: Uint8Array;
  /** Whether it needs room for one more request. */
  readonly isRequest: boolean;
  /** Whether it waited elsewhere before, and was counted there: then it may wait here, however many do. */
  readonly hasPlace: boolean;
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
  readonly #broken: (error: Error) => void;
  readonly #waiting = new Set<OutgoingMessage>();
  /** Given to the connection, which has no room for more. */
  #leaving: OutgoingMessage[] = [];

  /**
   * @param size - Messages that may wait.
   * @param mayAsk - Whether there is room for one more request.
   * @param broken - Called when the connection takes nothing any more; then `fail()` has to be.
   */
  constructor(connection: Connection, size: number, mayAsk: () => boolean, broken: (error: Error) => void) {
    this.#connection = connection;
    this.#size = size;
    this.#mayAsk = mayAsk;
    this.#broken = broken;
  }

  /** Send it now, or when its turn comes; false if no more may wait. */
  add(message: OutgoingMessage): boolean {
    const mayGo = this.#waiting.size === 0 && this.#mayGo(message);
    if (!mayGo && !message.hasPlace && this.#waiting.size >= this.#size) return false;
    this.#waiting.add(message);
    if (mayGo) this.flush();
    return true;
  }

  /** Do not send it, if it still waits. */
  remove(message: OutgoingMessage): void {
    this.#waiting.delete(message);
    // It may have been what the others wait for; but not those who are given up together with it.
    queueMicrotask(() => this.flush());
  }

  /** There may be room: send what can go. */
  flush(): void {
    for (let [first] = this.#waiting; first !== undefined && this.#mayGo(first); [first] = this.#waiting) {
      if (!this.#give(first)) return;
    }
  }

  /** Nothing will leave any more. */
  fail(): void {
    const unsent = [...this.#leaving, ...this.#waiting];
    this.#leaving = [];
    this.#waiting.clear();
    for (const message of unsent) message.failed();
  }

  #mayGo({ isRequest }: OutgoingMessage): boolean {
    return this.#leaving.length === 0 && (!isRequest || this.#mayAsk());
  }

  /** Give the first one that waits to the connection; false if that is over. */
  #give(message: OutgoingMessage): boolean {
    let hasRoom: boolean;
    try {
      hasRoom = this.#connection.sendSoon(message.bytes);
    } catch (error) {
      return this.#refused(message, error as Error);
    }
    this.#waiting.delete(message);
    message.left();
    if (hasRoom) message.hasRoom?.();
    else this.#waitForRoom(message);
    return true;
  }

  #refused(message: OutgoingMessage, error: Error): boolean {
    // This side has ended its output, and may still read.
    const halfClosed = codeOf(error) === ErrorCode.writeAfterEnd;
    if (halfClosed) {
      this.#waiting.delete(message);
      message.failed(error);
    } else this.#broken(error);
    return halfClosed;
  }

  #waitForRoom(message: OutgoingMessage): void {
    this.#leaving.push(message);
    this.#connection.ready().then(
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
