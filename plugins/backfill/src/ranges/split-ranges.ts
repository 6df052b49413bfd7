import type { Key, KeyType } from '../keys/key-type.ts';
import type { KeyRange } from './key-range.ts';

/**
 * Ranges between keys: disjoint, in order, together everything up to the highest key. The first one has no lower end, so that
 * it takes in what is added below.
 *
 * @param keys - where ranges end, in any order; equal ones count once. None gives no range.
 */
export function splitRanges(keys: readonly Key[], type: KeyType): KeyRange[] {
  const ends = keys.toSorted((a, b) => type.compare(a, b)).filter((key, i, sorted) => key !== sorted[i - 1]);
  return ends.map((upTo, i) => ({ after: ends[i - 1] ?? null, upTo }));
}
