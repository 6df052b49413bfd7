import type { MetaSchema, SqlRow, TaskType, TaskTypeDefaults, TaskTypeDefinition } from '@longshore/sdk';
import { z } from 'zod';
import { makeBackfill } from '../make-backfill.ts';
import { backfillTuning, type BackfillTuning } from '../meta/tuning.ts';
import { codeWork, type CodeWork } from './code-work.ts';

/** A backfill of a team's own, in TypeScript. */
export interface BackfillDefinition<Meta extends BackfillTuning, Settings, Row extends SqlRow> {
  /** The name that a submit uses: lower case, letters, digits and `-`. */
  readonly type: string;
  /** `major.minor.patch`; a task keeps the version that it was submitted with. */
  readonly version: string;
  /** One line for `longshore type list`. */
  readonly description?: string;
  /**
   * What a submit says: a schema that has the fields of `backfillTuning` in it, as
   * `z.strictObject({ ...backfillTuning, region: z.string() })`. Default: those alone.
   */
  readonly meta?: MetaSchema<Meta>;
  /** What an executor's configuration may say for this type. */
  readonly settings?: TaskTypeDefinition<Meta, Settings>['settings'];
  /** As for every task type; by default those of `backfill`. */
  readonly defaults?: TaskTypeDefaults;
  /** The table as SQL names it: `orders`, `sales."Orders"`. */
  readonly table: string | ((meta: Meta) => string);
  /** Columns that the code gets, named as the table has them, not quoted. Name the key among them where it is needed. */
  readonly columns: readonly string[] | ((meta: Meta) => readonly string[]);
  /** The rows to change, as an SQL predicate; best one that no longer holds afterwards. Default: all. */
  readonly where?: string | ((meta: Meta) => string | undefined);
  /**
   * Changes the rows of one batch through `context.client`. The rows are locked; values are as the driver gives them (a bigint is a
   * string). What it writes commits together with the backfill's place in the ledger, so for each row it has its effect in this
   * database once, though it may be called again for the same rows after a rollback: with fewer of them after a deadlock, or after
   * a crash. Effects elsewhere it must make harmless itself.
   *
   * Errors of the server about a row (a constraint, a failed cast) narrow the batch until the row is known; all others are tried again,
   * unless they are a `TaskTypeError` that is permanent.
   */
  batch(rows: readonly Row[], context: Parameters<CodeWork<Meta, Settings, Row>['batch']>[1]): Promise<void>;
}

/**
 * Declares a task type that changes the rows of a table by code. It has the ranges, ledger, batch sizes, throttle, dry run and
 * result of `backfill`. Export the result as the package's default.
 *
 * @throws {TypeError} when the name or version is not well formed.
 */
export function defineBackfill<
  Row extends SqlRow = SqlRow,
  Meta extends BackfillTuning = BackfillTuning,
  Settings = undefined,
>(definition: BackfillDefinition<Meta, Settings, Row>): TaskType<Meta, Settings> {
  const { type, version, description, meta, settings, defaults, table, columns, where } = definition;
  return makeBackfill<Meta, Settings>(
    {
      type,
      version,
      description: description ?? `Backfill of ${typeof table === 'string' ? table : 'a table'}, in batches.`,
      // Without a schema of its own there is nothing that could make Meta another type than the default one.
      meta: meta ?? (z.strictObject(backfillTuning) as unknown as MetaSchema<Meta>),
      ...(settings !== undefined && { settings }),
      ...(defaults !== undefined && { defaults }),
    },
    codeWork<Meta, Settings, Row>({ table, columns, where, batch: (rows, context) => definition.batch(rows, context) }),
  );
}
