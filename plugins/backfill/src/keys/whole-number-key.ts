import type { KeyType } from './key-type.ts';

/** Keys of the integer types differ only in their width, which the cast to their type checks. */
export function wholeNumberKey(sql: 'smallint' | 'integer' | 'bigint'): KeyType {
  return {
    sql,
    // 64 bits do not fit into a number.
    compare: (a, b) => {
      const [first, second] = [BigInt(a), BigInt(b)];
      return first < second ? -1 : first > second ? 1 : 0;
    },
  };
}
