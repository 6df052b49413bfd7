import type { GateReading, HealthGate } from '@longshore/core';
import type { SqlClient } from '@longshore/sdk';

type QueryGate = HealthGate & { readonly kind: 'query' };

/** What is asked for of an answer, in characters: a number in full, and no more of anything else. */
const MOST_CHARACTERS = 40;

/**
 * Whether the session's role is one that no query of a user's may run as: a superuser, or one that may run programs on the server or use
 * its files, by itself or as another role that it is a member of and may so become.
 */
const IS_POWERFUL = `SELECT EXISTS (
  SELECT FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER') AND (rolsuper
    OR rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))) AS is_powerful`;

/** Gates whose queries are whole statements. */
const whole = new WeakSet<QueryGate>();

/** The types of numbers. */
const NUMBERS: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision']);

const NUMBER = /^(?:-?[0-9.]+(?:e[+-]?[0-9]+)?|-?Infinity|NaN)$/;

/**
 * Asks the user's query. Anybody who may submit a task may write one, so it is a part of a statement that can only read, within a
 * transaction that only reads, and the role of the connection bounds what it may see and call. Of its answer only true, false and numbers
 * are told.
 *
 * It must be a whole statement by itself: within the parentheses, one that closes them could put rows of its own in the place of the answer.
 * Postgres finds that out without asking it, once for each gate.
 *
 * The role is looked at first, in the same transaction: after its first statement no function can make the transaction writable.
 */
export async function readByQuery(gate: QueryGate, client: SqlClient): Promise<GateReading> {
  const { connection, name, sql } = gate;
  const what = `the gate ${name} of ${connection}`;
  const role = await client.query<{ is_powerful: boolean }>(IS_POWERFUL);
  if (role.rows[0]?.is_powerful !== false) {
    return unreadable(
      `${what} isn't read: the role of that connection is a superuser, or may run programs or use files of the server; give gates a role that may only read`,
    );
  }
  if (!whole.has(gate)) {
    await client.query(`EXPLAIN (COSTS OFF)\n${withoutEnd(sql)}`);
    whole.add(gate);
  }
  const { rows } = await client.query<{ type: string; value: string | null }>(
    `SELECT pg_typeof(v)::text AS type, left(v::text, ${MOST_CHARACTERS}) AS value FROM (\n${withoutEnd(sql)}\n) AS gate(v) LIMIT 1`,
  );
  const [answer] = rows;
  if (answer?.type === 'boolean' && answer.value !== null) {
    return { isOpen: answer.value === 'true', code: 'GATE_CLOSED', message: `${what} is closed` };
  }
  return unreadable(`${what} returned ${describe(answer)}; its query must return true or false`);
}

/** Without the semicolon that people end a statement with. */
function withoutEnd(sql: string): string {
  return sql.trimEnd().replace(/;$/, '');
}

function describe(answer: { readonly type: string; readonly value: string | null } | undefined): string {
  if (answer === undefined) return 'no row';
  if (answer.value === null) return 'null';
  return NUMBERS.has(answer.type) && NUMBER.test(answer.value) ? answer.value : 'something else';
}

function unreadable(message: string): GateReading {
  return { isOpen: false, code: 'GATE_UNREADABLE', message };
}
