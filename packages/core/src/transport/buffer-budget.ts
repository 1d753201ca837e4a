import { CloseReason } from "../close-reason.ts";

/** Whoever keeps bytes for a peer. */
export interface BufferHolder {
  /** Reset it: it keeps nothing any more. */
  cut(reason: CloseReason): void;
}

/**
 * What all connections of one event loop may keep together. Who keeps the most is cut when it is too much: others would have to be cut for its sake.
 */
export class BufferBudget {
  /** Bytes. */
  readonly limit: number;

  readonly #accounts = new Set<BufferAccount>();
  #used = 0;

  /** @param limit - Bytes, at least 0. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes that are kept now. */
  get used(): number {
    return this.#used;
  }

  /** Begin to count what a holder keeps. Whoever opens the account closes it. */
  open(holder: BufferHolder): BufferAccount {
    const account = new BufferAccount(holder, this.#changed);
    this.#accounts.add(account);
    return account;
  }

  readonly #changed = (account: BufferAccount, more: number): void => {
    this.#used += more;
    if (account.holder === undefined) this.#accounts.delete(account);
    else if (more > 0 && this.#used > this.limit) this.#cutLargest();
  };

  /** One is enough: the others fitted before, and it keeps at least as much as what came last. */
  #cutLargest(): void {
    let largest: BufferAccount | undefined;
    for (const account of this.#accounts) if (largest === undefined || account.bytes > largest.bytes) largest = account;
    largest?.holder?.cut(CloseReason.memory);
  }
}

/** What one holder keeps. */
export class BufferAccount {
  /** Whose it is, until it is closed: what is closed stays in old tables of the set for a while, and must not keep a connection there. */
  holder: BufferHolder | undefined;
  bytes = 0;

  readonly #changed: (account: BufferAccount, more: number) => void;

  constructor(holder: BufferHolder, changed: (account: BufferAccount, more: number) => void) {
    this.holder = holder;
    this.#changed = changed;
  }

  /** So many bytes are what the holder keeps from now on. Nothing counts after `close()`. */
  keep(bytes: number): void {
    const more = bytes - this.bytes;
    if (more === 0 || this.holder === undefined) return;
    this.bytes = bytes;
    this.#changed(this, more);
  }

  /** The holder keeps nothing any more. Idempotent. */
  close(): void {
    if (this.holder === undefined) return;
    const less = -this.bytes;
    this.holder = undefined;
    this.bytes = 0;
    this.#changed(this, less);
  }
}
