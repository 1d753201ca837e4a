/**
 * Wait for as many turns of the event loop as a handler needs to notice that its request was cut: one for the connection to close, one for the read
 * that rejects to end the handler.
 */
export async function turnsAfterCut(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
