/** A key as text, in the one form in which Postgres writes it: decimal, or lower-case hex for a uuid. */
export type Key = string;

/**
 * A type of primary key that a backfill can walk along. Keys stay in Postgres; on this side they are text, which is compared
 * and put back as parameters. Another type is another module like this one, listed in `key-types.ts`.
 */
export interface KeyType {
  /** Its name in SQL, to cast parameters to. */
  readonly sql: string;
  /** Below 0: the first key comes first in the index. 0: they are the same. */
  compare(a: Key, b: Key): number;
}
