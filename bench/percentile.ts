/**
 * The value that this share of the values does not exceed (nearest rank).
 * @param share 0.5 is the median, 0.99 what all but one of a hundred stay within.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
