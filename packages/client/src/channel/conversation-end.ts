/** Why nothing more comes, or goes. */
export interface ConversationEnd {
  readonly code: string;
  /** A sentence. */
  readonly why: string;
  /** What broke; undefined if either side has ended it in order. */
  readonly cause?: Error | undefined;
}
