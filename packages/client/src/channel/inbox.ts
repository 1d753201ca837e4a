import { ErrorCode, SocketServerError } from "@socketserver/core";

import type { Patience } from "../patience.ts";
import { Queue } from "../queue.ts";
import { Waiter, type WaiterSurroundings } from "../waiter.ts";

/** What has come: a message, or one that was wrong and could be passed over. */
type Arrival<Message> = { readonly message: Message } | { readonly error: Error };

/** Messages that have come, for one who receives them. */
export class Inbox<Message> {
  /** Whether anybody has ever wanted to receive one, or is going to. */
  asked = false;
  #size: number;
  readonly #arrivals = new Queue<Arrival<Message>>();
  #receiver: Waiter<Message | undefined> | undefined;
  #ended = false;
  #failure: Error | undefined;
  #hasRoom: (() => void) | undefined;

  /** @param size - Messages that may wait in it. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Messages that wait in it. */
  get length(): number {
    return this.#arrivals.length;
  }

  /** A message has come. */
  put(message: Message): void {
    if (this.#receiver?.resolve(message) !== true) this.#arrivals.push({ message });
    this.#receiver = undefined;
  }

  /** Something has come that is no message. */
  putError(error: Error): void {
    if (this.#receiver?.reject(error) !== true) this.#arrivals.push({ error });
    this.#receiver = undefined;
  }

  /** Nothing more will come. What is here can still be received; then every call answers undefined, or rejects with the error. */
  end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = error;
    if (error === undefined) this.#receiver?.resolve(undefined);
    else this.#receiver?.reject(error);
    this.#receiver = undefined;
    this.#makeRoom();
  }

  /** Let it take whatever comes: no more does than is here already. */
  unbind(): void {
    this.#size = Infinity;
    this.#makeRoom();
  }

  /** Whether nothing more is to be put in. */
  get full(): boolean {
    return this.#arrivals.length >= this.#size && !this.#ended;
  }

  /** If it is full: a promise to wait for before more is put in. */
  room(): Promise<void> | undefined {
    if (!this.full) return undefined;
    return new Promise((resolve) => {
      this.#hasRoom = resolve;
    });
  }

  /** Take a message; undefined at the end. */
  receive(patience: Patience, surroundings: WaiterSurroundings): Promise<Message | undefined> {
    this.asked = true;
    const arrival = this.#arrivals.shift();
    if (arrival !== undefined) {
      this.#makeRoom();
      return "message" in arrival ? Promise.resolve(arrival.message) : Promise.reject(arrival.error);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(undefined);
    if (this.#receiver?.settled === false) {
      const message = "Cannot receive: another receive() of this channel is waiting";
      return Promise.reject(new SocketServerError(ErrorCode.concurrentRead, message));
    }
    this.#receiver = new Waiter<Message | undefined>(patience, surroundings);
    return this.#receiver.promise;
  }

  /** Take every message that is here. */
  takeAll(): readonly Message[] {
    const arrivals = this.#arrivals.takeAll();
    this.#makeRoom();
    return arrivals.flatMap((arrival) => ("message" in arrival ? [arrival.message] : []));
  }

  #makeRoom(): void {
    const resolve = this.#hasRoom;
    this.#hasRoom = undefined;
    resolve?.();
  }
}
