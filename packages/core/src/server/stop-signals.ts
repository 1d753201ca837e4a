const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Call `onSignal` for each SIGINT and SIGTERM instead of ending the process, until the answer is called. */
export function onStopSignals(onSignal: () => void): () => void {
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}
