import { closeSync } from "node:fs";

import { descriptorLimit, openDescriptors, reserveOf, spareDescriptor } from "./descriptors.ts";

/** How often it looks although nobody comes: what eats the descriptors may be the program itself. In milliseconds. */
const LOOK_MS = 1_000;

/** Clients that may come in between two looks, at most. */
const MAX_UNSEEN = 64;

/** How many more than the reserve must be free before it is over: those who are refused hold some for a moment. */
const RECOVERED = 1.25;

/**
 * Keeps some descriptors for the program: refuses those who come when only so many are left, and tells once that it begins.
 *
 * It has a descriptor of its own, which it gives back when none is left at all. With that one the runtime accepts those who come, so that they can be
 * refused and counted; else it would close them itself, or, if another thread is quicker, keep them waiting and spin.
 */
export class DescriptorGuard {
  /** How many descriptors the process may have. */
  readonly limit: number;

  /** Clients that came in to all guards of this thread: they share the descriptors. */
  static #admitted = 0;

  readonly #reserve: number;
  readonly #onExhausted: () => void;
  #exhausted = false;
  /** Whether it was told, and is not over: those who leave make it seem so for a moment. */
  #told = false;
  /** How many may have come in, to all of them, when it looks again. */
  #lookAt = 0;
  #spare: number | undefined;
  readonly #timer: NodeJS.Timeout;

  /** @param reserve - How many to keep, at least 1. */
  constructor(reserve: number, onExhausted: () => void) {
    this.limit = descriptorLimit();
    this.#reserve = reserveOf(this.limit, reserve);
    this.#onExhausted = onExhausted;
    this.#spare = spareDescriptor();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Whether a client that has just been accepted may stay. */
  admit(): boolean {
    if (this.#exhausted || DescriptorGuard.#admitted >= this.#lookAt) this.#judge();
    if (!this.#exhausted) DescriptorGuard.#admitted++;
    return !this.#exhausted;
  }

  /** Look no more. */
  close(): void {
    clearInterval(this.#timer);
    this.#giveBack();
  }

  #look(): void {
    this.#lookAt = 0;
    if (this.#judge() <= 1) this.#giveBack();
    if (this.#exhausted) return;
    this.#told = false;
    this.#spare ??= spareDescriptor();
  }

  /** See how many are free, and what that means; how many are. */
  #judge(): number {
    const free = this.limit - openDescriptors();
    if (free <= this.#reserve) {
      this.#exhausted = true;
      if (!this.#told) this.#onExhausted();
      this.#told = true;
    } else if (!this.#exhausted || free > this.#reserve * RECOVERED + 1) {
      this.#exhausted = false;
      this.#lookAt = DescriptorGuard.#admitted + Math.min(Math.floor((free - this.#reserve) / 2), MAX_UNSEEN);
    }
    return free;
  }

  #giveBack(): void {
    if (this.#spare === undefined) return;
    closeSync(this.#spare);
    this.#spare = undefined;
  }
}
