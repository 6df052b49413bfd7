import type { SqlClient } from '@longshore/sdk';
import type { PreparedIndex } from '../meta/prepared-index.ts';
import { isEqualIndex, readIndexes, type TableIndex } from './table-indexes.ts';

/** What there is of the wanted index on one table. */
export interface IndexOnTable {
  /** Ours under its working name: built, or left behind. */
  readonly working: TableIndex | null;
  /** An equal and valid one that can take the place of ours. */
  readonly equal: TableIndex | null;
}

/** Where the index is looked for. */
export interface WantedIndex {
  readonly tableOid: string;
  readonly working: string;
  /** The parent table's index that it will be attached to, or is attached to already; null when there is none. */
  readonly parentIndexOid: string | null;
}

/** Looks for the index on a table. Inside of `readSteadily`. */
export async function lookAtIndex(
  client: SqlClient,
  prepared: PreparedIndex,
  wanted: WantedIndex,
): Promise<IndexOnTable> {
  const indexes = await readIndexes(client, wanted.tableOid);
  return {
    working: indexes.find(({ name }) => name === wanted.working) ?? null,
    // One that belongs to another parent can't be attached to ours.
    equal:
      indexes.find(
        (index) =>
          index.name !== wanted.working &&
          index.isValid &&
          isEqualIndex(index, prepared) &&
          (index.parentOid === null || index.parentOid === wanted.parentIndexOid),
      ) ?? null,
  };
}
