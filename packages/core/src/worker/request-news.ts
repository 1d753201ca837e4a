/**
 * What becomes of a worker's requests, told in few messages.
 *
 * A message wakes the other side, which costs about as much as an answer to a client. So news are collected and told together: when what runs just now
 * has ended, or a little later if nobody waits for them. Not at the end of the turn: what else runs in it may never end, and what was closed before would
 * be lost with it. They are numbers in one list, because that costs a fraction of as many objects.
 *
 * @module
 */

import { CloseReason } from "../close-reason.ts";
import type { RequestTraffic } from "../server/request-control.ts";
import type { FromWorker } from "./messages.ts";

/** News of a request. */
export type RequestNews = Extract<FromWorker, { readonly id: number; readonly type: (typeof KINDS)[number] }>;

const KINDS = ["taken", "done", "overdue", "gone", "closed"] as const;
const [TAKEN, DONE, OVERDUE, GONE, CLOSED] = [0, 1, 2, 3, 4];

const REASONS = Object.values(CloseReason);

/** How long news may be kept that nobody waits for, in milliseconds. */
const KEEP_MS = 1;

/** So many numbers are not kept: a worker that acknowledges nothing is given nothing. */
const MAX_KEPT = 16;

/** Collects the news of one worker. */
export class NewsCollector {
  readonly #tell: (news: readonly number[]) => void;
  #news: number[] = [];
  #soon = false;
  #later = false;

  constructor(tell: (news: readonly number[]) => void) {
    this.#tell = tell;
  }

  /** It has come. The listener side waits for a while before it gives this worker no other one. */
  taken(id: number): void {
    this.#news.push(TAKEN, id);
    this.#tellLater();
  }

  /** Its handler has ended. That its connection is closed follows soon, and is told with it. */
  done(id: number): void {
    this.#news.push(DONE, id);
    this.#tellLater();
  }

  /** Its deadline has passed. */
  overdue(id: number): void {
    this.#news.push(OVERDUE, id);
    this.#tellSoon();
  }

  /** Its connection is closed. */
  closed(id: number, reason: CloseReason, { bytesRead, bytesWritten, lastActivity }: RequestTraffic): void {
    const idleMs = Math.round(performance.now() - lastActivity);
    this.#news.push(CLOSED, id, REASONS.indexOf(reason), bytesRead, bytesWritten, idleMs);
    this.#tellSoon();
  }

  /** Nothing is left of it. */
  gone(id: number): void {
    this.#news.push(GONE, id);
    this.#tellSoon();
  }

  /** Tell what there is, now: before anything else that is said. */
  flush(): void {
    if (this.#news.length === 0) return;
    const news = this.#news;
    this.#news = [];
    this.#tell(news);
  }

  /** When the promises that are settled just now have been heard: a request is gone then that was closed. */
  #tellSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#soon = false;
        this.flush();
      }),
    );
  }

  #tellLater(): void {
    if (this.#news.length >= MAX_KEPT) return this.#tellSoon();
    if (this.#later) return;
    this.#later = true;
    setTimeout(() => {
      this.#later = false;
      this.flush();
    }, KEEP_MS);
  }
}

/** The news in such a list, in their order. */
export function* newsIn(list: readonly number[]): Generator<RequestNews> {
  const next = list.values();
  const number = (): number => next.next().value as number;
  for (const kind of next) {
    const type = KINDS[kind] as RequestNews["type"];
    const id = number();
    if (type !== "closed") yield { type, id };
    else {
      const reason = REASONS[number()] as CloseReason;
      yield { type, id, reason, bytesRead: number(), bytesWritten: number(), idleMs: number() };
    }
  }
}
