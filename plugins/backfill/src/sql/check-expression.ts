import type { SqlClient } from '@longshore/sdk';
import { isPostgresError, SqlState } from '@longshore/sdk/postgres';
import { backfillError } from '../errors/backfill-error.ts';
import { BackfillErrorCode } from '../errors/backfill-error-code.ts';
import { rowsOf, type BackfillTarget } from '../table/backfill-target.ts';

/**
 * Makes sure that a user's text is one expression over the table's rows, by letting Postgres plan two statements with it; nothing
 * is executed.
 *
 * Put into a statement, `true) OR (true` would end the parenthesis that it stands in, and reach every row. So it is tried within
 * `CAST( … AS …)`, which a comma or an alias would break, and within `ARRAY[ … ]`, where a parenthesis that was opened outside can't be
 * closed: no text passes both that isn't whole in itself. Each stands on lines of its own, as it may end in a comment, and a
 * statement with a parameter can't hide a second one behind a semicolon.
 *
 * @param what - where it stands, for messages: `where`, `set.total`.
 * @throws {TaskTypeError} BACKFILL_EXPRESSION_INVALID with what Postgres says.
 */
export async function checkExpression(
  client: SqlClient,
  target: BackfillTarget,
  expression: string,
  what: string,
): Promise<void> {
  const type = what === 'where' ? 'boolean' : 'text';
  if (what === 'where') {
    // It must be boolean by itself: the cast below would make one of a text.
    await planned(
      client,
      `SELECT FROM ${rowsOf(target)} WHERE $1::boolean AND (\n${expression}\n)`,
      ['true'],
      target,
      what,
    );
  }
  for (const wrapped of [`CAST(\n${expression}\n AS ${type})`, `ARRAY[\n${expression}\n]`]) {
    await planned(client, `SELECT ${wrapped} FROM ${rowsOf(target)} WHERE $1::boolean`, ['true'], target, what);
  }
}

/**
 * Lets Postgres plan a statement.
 *
 * @throws {TaskTypeError} BACKFILL_EXPRESSION_INVALID for what it can't; other errors of the server as they are.
 */
export async function planned(
  client: SqlClient,
  statement: string,
  values: readonly string[],
  target: BackfillTarget,
  what: string,
): Promise<void> {
  try {
    await client.query(`EXPLAIN ${statement}`, values);
  } catch (error) {
    if (!isPostgresError(error) || error.code === SqlState.insufficientPrivilege) throw error;
    if (!['0A', '08', '22', '42'].includes(error.code.slice(0, 2))) throw error;
    const hint = error.hint === undefined ? '' : ` ${error.hint}`;
    const message = `Postgres refuses ${what} for ${target.table}: ${error.message}.${hint} Write one SQL expression over the table's columns, without parameters.`;
    throw backfillError(
      BackfillErrorCode.ExpressionInvalid,
      message,
      { table: target.table, field: what, sqlstate: error.code },
      error,
    );
  }
}
