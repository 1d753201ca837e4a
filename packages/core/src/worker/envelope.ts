import type { FromWorker } from "./messages.ts";

/** What travels between the two sides, so that it cannot be taken for a message of the program: handlers may post to their parent, too. */
export interface Envelope<Message> {
  readonly socketserver: Message;
}

/** The message in an envelope of ours; undefined for anything else that came from a worker. */
export function messageIn(received: unknown): FromWorker | undefined {
  if (typeof received !== "object" || received === null) return undefined;
  return (received as Partial<Envelope<FromWorker | null>>).socketserver ?? undefined;
}
