const LIMIT_MS = 60_000;

/** Wait for `load`, but not for ever: a server that no longer answers fails the benchmark instead of stopping it. */
export async function bounded<Result>(load: Promise<Result>, what: string): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`Cannot finish ${what}: not done after ${LIMIT_MS / 1000} s`)),
    LIMIT_MS,
  );
  try {
    return await Promise.race([load, late]);
  } finally {
    clearTimeout(timer);
  }
}
