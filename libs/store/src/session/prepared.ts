import { createHash } from 'node:crypto';
import type { CompiledQuery, QueryResult } from 'kysely';
import type pg from 'pg';
import type { StatementTarget } from './pools.ts';

/** How often a process sends a text before it is prepared: what is sent once or twice would only fill the server's memory. */
const USES_BEFORE = 5;
/** Texts that a process prepares at most. The services have about a hundred; each session keeps what it was sent. */
const MAX_PREPARED = 256;
/** Texts that are counted at most, since some are as long as their parameters are many. */
const MAX_COUNTED = 2_000;

/** Digits of a text's hash in its name: 128 bits, so that no two texts share one. Postgres cuts names at 63 bytes. */
const NAME_DIGITS = 32;

const uses = new Map<string, number>();
const names = new Map<string, string>();

/**
 * The name under which a session keeps a statement's text, for texts that are sent again and again. Reading, analysing and planning them took
 * more of a small task's time than carrying them out.
 *
 * The name is a hash of the text: what a session that another process used before has under this name is this text too.
 *
 * Two things follow for every statement. It names its columns one by one: with `*`, a session that has it prepared would fail from the
 * next migration on. And its plan must be good whatever its parameters are and however many rows there were when it was planned: a session
 * has one plan for all (`plan_cache_mode`). Tests plan each on empty tables and run it beside 120,000 rows.
 */
function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined) return known;
  const count = (uses.get(text) ?? 0) + 1;
  if (count > USES_BEFORE && names.size < MAX_PREPARED) {
    uses.delete(text);
    const name = `longshore_${createHash('sha256').update(text).digest('hex').slice(0, NAME_DIGITS)}`;
    names.set(text, name);
    return name;
  }
  if (count > 1 || uses.size < MAX_COUNTED) uses.set(text, count);
  return undefined;
}

const WRITES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** Sends a statement at once, before this returns; prepared, when it is sent often. */
export async function runCompiled<R>(target: StatementTarget, statement: CompiledQuery<R>): Promise<QueryResult<R>> {
  const query: pg.QueryConfig = { text: statement.sql, values: [...statement.parameters] };
  const name = nameOf(statement.sql);
  if (name !== undefined) query.name = name;
  const { command, rowCount, rows } = await target.query(query);
  return { rows: rows as R[], ...(WRITES.has(command) ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}) };
}
