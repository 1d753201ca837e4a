/**
 * The life of a server: `new -> listening -> serving -> draining -> closed`.
 *
 * Serving and listening alternate as loops start and end. Draining begins once and from any state, and leads to closed alone. A failed
 * `listen()` leaves the server new, so that it can be tried again.
 *
 * @module
 */

/** The states of a server. */
export const ServerState = {
  /** Made, and nothing is open. */
  new: "new",
  /** Bound; what comes waits. */
  listening: "listening",
  /** A loop takes requests. */
  serving: "serving",
  /** `close()` was called; what runs may end. */
  draining: "draining",
  /** Nothing is open. */
  closed: "closed",
} as const;

/** One of the values of the {@link ServerState} table. */
export type ServerState = (typeof ServerState)[keyof typeof ServerState];

const NEXT: Readonly<Record<ServerState, readonly ServerState[]>> = {
  new: ["listening", "draining"],
  listening: ["serving", "draining"],
  serving: ["listening", "draining"],
  draining: ["closed"],
  closed: [],
};

/** Holds the state of one server. */
export class LifeCycle {
  #state: ServerState = ServerState.new;

  get state(): ServerState {
    return this.#state;
  }

  /** Whether `close()` was called. */
  get ending(): boolean {
    return this.#state === ServerState.draining || this.#state === ServerState.closed;
  }

  /** Go to `next` if that follows the present state; whether it did. */
  advance(next: ServerState): boolean {
    if (!NEXT[this.#state].includes(next)) return false;
    this.#state = next;
    return true;
  }
}
