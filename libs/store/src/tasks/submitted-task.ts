import { sql, type RawBuilder } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import { columnName, settingColumns, type TaskSettings } from './task-settings.ts';
import type { Db } from '../session/transactions.ts';

/** What a task was submitted with through the SQL function: a request that nobody has checked against its type. */
export interface SubmittedRequest {
  readonly type: string;
  readonly meta: unknown;
  /** By their names in the API; the key is the task's own by now. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The request of a task that is still to be validated; null: it has been, or is not active. */
export async function readSubmitted(db: Db, id: string): Promise<SubmittedRequest | null> {
  const rows = await fromStore(
    db
      .selectFrom('tasks')
      .select(['type', 'meta', 'submitted'])
      .where('id', '=', id)
      .where('is_validated', '=', false)
      .execute(),
  );
  const row = rows[0];
  return row === undefined ? null : { type: row.type, meta: row.meta, options: row.submitted ?? {} };
}

/** The statement that gives a task its settings, once. The caller has locked its row. */
export function validationOf(id: string, settings: TaskSettings): RawBuilder<unknown> {
  const columns = settingColumns(settings, sql`created_at`).map((column) => sql`${columnName(column)} = ${column[1]}`);
  return sql`
    UPDATE tasks SET ${sql.join(columns)}, is_validated = true, submitted = NULL, version = version + 1,
      updated_at = clock_timestamp()
    WHERE id = ${id} AND state = 'pending' AND NOT is_validated`;
}
