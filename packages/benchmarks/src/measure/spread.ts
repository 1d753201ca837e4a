/** Where a few measurements of the same thing lie. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Half of the measurements lie between the two quartiles. */
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

/**
 * Sum up measurements. What lies between two of them is interpolated.
 *
 * @throws RangeError if there are none.
 */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  if (sorted.length === 0) throw new RangeError("Cannot sum up measurements: there are none");
  return {
    median: quantile(sorted, 0.5),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    lowerQuartile: quantile(sorted, 0.25),
    upperQuartile: quantile(sorted, 0.75),
  };
}

function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
