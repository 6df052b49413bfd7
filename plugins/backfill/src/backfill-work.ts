import type { HookContext, SqlClient } from '@longshore/sdk';
import type { BackfillTuning } from './meta/tuning.ts';
import type { KeyRange } from './ranges/key-range.ts';
import type { BackfillTarget } from './table/backfill-target.ts';

/** A piece of a range: what one transaction changes. */
export interface BatchRange extends KeyRange {
  readonly upTo: string;
}

/** What is known of the hook that a batch is changed for. */
export type BatchContext<Meta, Settings> = Pick<
  HookContext<Meta, Settings>,
  'task' | 'settings' | 'signal' | 'logger' | 'tracer' | 'meter' | 'attempt' | 'nodeId'
>;

/**
 * What a backfill does to rows. Everything else (ranges, ledger, sizes, retries, throttle, counting) is the same for one in SQL
 * and for one in TypeScript.
 */
export interface BackfillWork<Meta extends BackfillTuning, Settings> {
  /** The table's name as SQL writes it. */
  table(meta: Meta): string;
  /** The predicate of the rows to change; null: all. */
  where(meta: Meta): string | null;
  /** Columns, as the table has them, that are sure to be set. */
  setColumns(meta: Meta): readonly string[];
  /**
   * Looks whether it can work, beyond what is asked of every table. Runs in a read-only transaction.
   *
   * @throws {TaskTypeError} for what can't.
   */
  check(client: SqlClient, target: BackfillTarget, context: HookContext<Meta, Settings>): Promise<void>;
  /**
   * Changes the rows of a range that match, inside the caller's transaction.
   *
   * @returns how many it changed.
   */
  change(
    client: SqlClient,
    target: BackfillTarget,
    range: BatchRange,
    context: BatchContext<Meta, Settings>,
  ): Promise<number>;
}
