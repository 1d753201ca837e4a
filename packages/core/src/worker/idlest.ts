/**
 * The worker with the fewest active requests. If several have as few, the one whose id follows `last`, which had its turn, or else the lowest.
 */
export function idlest<Worker extends { readonly id: number; readonly active: number }>(
  workers: Iterable<Worker>,
  last: number,
): Worker | undefined {
  let best: Worker | undefined;
  for (const worker of workers) if (best === undefined || goesBefore(worker, best, last)) best = worker;
  return best;
}

function goesBefore(
  one: { readonly id: number; readonly active: number },
  other: { readonly id: number; readonly active: number },
  last: number,
): boolean {
  if (one.active !== other.active) return one.active < other.active;
  const follows = one.id > last;
  return follows === other.id > last ? one.id < other.id : follows;
}
