/** The value in the middle of sorted ones; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which this share of the values lies, interpolated. @throws {RangeError} without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)];
  const high = sorted[Math.ceil(position)];
  if (low === undefined || high === undefined) throw new RangeError('no values');
  return low + (high - low) * (position - Math.floor(position));
}

/** Median with the smallest and largest value, for a person. */
export function spread(values: readonly number[], unit: string): string {
  const show = (value: number): string => `${value.toPrecision(3)} ${unit}`;
  return `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))})`;
}

/** Rounded to a few digits, so that figures can be read. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
