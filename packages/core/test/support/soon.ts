/** Wait for what should come at once; rejects if it takes longer than `limitMs`, so that a dead-lock fails the test that has it. */
export async function soon<Value>(work: Promise<Value>, limitMs = 3_000): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Cannot wait: it took longer than ${limitMs} ms`)), limitMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
