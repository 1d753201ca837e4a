/** Call back when the event loop has seen whatever came while it was held up. */
export function lastTurns(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}
