const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * A terminal sends Ctrl-C to the whole process group, and a parent such as npm passes its own copy on: the second one comes a moment later and is
 * no second wish. In milliseconds; nobody presses a key twice in that time.
 */
const SAME_SIGNAL_MS = 250;

/** Call `onSignal` for each SIGINT and SIGTERM instead of ending the process, until the answer is called. */
export function onStopSignals(onSignal: () => void): () => void {
  let last = -Infinity;
  const listener = (): void => {
    const now = performance.now();
    if (now - last < SAME_SIGNAL_MS) return;
    last = now;
    onSignal();
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}
