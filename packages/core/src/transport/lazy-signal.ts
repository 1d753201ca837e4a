import { errorOf, type Failure } from "./failure.ts";

/** An AbortSignal that is made when somebody asks for it: making one costs more than a small request. */
export class LazySignal {
  #controller: AbortController | undefined;
  #reason: Failure | undefined;

  /** Whether `abort` was called. */
  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  /** The signal; aborted already if that has happened. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(errorOf(this.#reason));
    }
    return this.#controller.signal;
  }

  /** Abort, once; later calls change nothing. */
  abort(reason: Failure): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(errorOf(reason));
  }
}
