/** One thing that a search can find. */
export interface SearchEntry {
  /** What it is called, and what a query is compared with first. */
  readonly name: string;
  /** What it belongs to, as a reader would say: the class of a member, the guide of a heading. */
  readonly within: string;
  /** What it is, as one word: `class`, `method`, `guide`, ... */
  readonly kind: string;
  /** From the root of the site. */
  readonly url: string;
  /** What is written about it. */
  readonly text: string;
  /** Words that lead to it as its name does. */
  readonly keywords: readonly string[];
  /** The line by which a guide is introduced; empty for anything else. */
  readonly about: string;
  /** How much more than others it is likely to be meant, about 1. */
  readonly weight: number;
}
