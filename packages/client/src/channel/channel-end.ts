/** Why nothing more comes over a channel. */
export interface ChannelEnd {
  readonly code: string;
  /** A sentence. */
  readonly why: string;
  /** What broke; undefined if either side has ended it in order. */
  readonly cause?: Error | undefined;
}
