import type { SqlClient } from '@longshore/sdk';
import { findRelation } from '@longshore/sdk/postgres';
import { backfillError } from '../errors/backfill-error.ts';
import { BackfillErrorCode } from '../errors/backfill-error-code.ts';
import { isKeyTypeName, keyTypes } from '../keys/key-types.ts';
import type { BackfillTarget } from './backfill-target.ts';

/** What a backfill has to know of a table besides what it is. */
interface TableFacts extends Record<string, unknown> {
  readonly may_select: boolean;
  readonly has_update_rule: boolean;
  /** The primary key's columns, quoted. */
  readonly key_columns: readonly string[];
  readonly key_type: string | null;
  /** As a person writes it. */
  readonly key_type_text: string | null;
}

const errors = {
  make: backfillError,
  missing: BackfillErrorCode.TableMissing,
  unsupported: BackfillErrorCode.TableUnsupported,
  noPrivilege: BackfillErrorCode.NoPrivilege,
  wanted: 'a backfill changes plain and partitioned tables',
};

/**
 * The table that a name means, as the catalog has it, if a backfill can walk along it.
 *
 * @param name - as SQL would write it.
 * @throws {TaskTypeError} BACKFILL_TABLE_MISSING, BACKFILL_TABLE_UNSUPPORTED, BACKFILL_KEY_UNSUPPORTED or BACKFILL_NO_PRIVILEGE.
 */
export async function findTarget(client: SqlClient, name: string): Promise<BackfillTarget> {
  const { oid, name: table, isPartitioned, ...found } = await findRelation(client, name, errors);
  const facts = await readFacts(client, oid);
  if (facts === undefined) {
    throw backfillError(
      BackfillErrorCode.TableMissing,
      `Table ${table} was dropped just now. Keep it while a backfill runs.`,
      {
        table,
      },
    );
  }
  if (found.foreignPartition !== null) {
    throw unsupported(
      table,
      `has the foreign table ${found.foreignPartition} as a partition; backfill the other partitions one by one`,
    );
  }
  if (found.isFiltered) {
    throw unsupported(
      table,
      'has active row-level security for the role of the connection, which may hide rows; connect as its owner or a role with BYPASSRLS',
    );
  }
  if (facts.has_update_rule) {
    throw unsupported(
      table,
      'has a rule for UPDATE, which does something else instead; drop the rule, or use a trigger',
    );
  }
  if (!facts.may_select) {
    const message = `The connection's role lacks SELECT on table ${table}. Grant it: a backfill reads the keys.`;
    throw backfillError(BackfillErrorCode.NoPrivilege, message, { table });
  }
  return { table, isPartitioned, ...keyOf(table, facts) };
}

function keyOf(table: string, facts: TableFacts): Pick<BackfillTarget, 'key' | 'keyType'> {
  const [key, ...others] = facts.key_columns;
  if (key === undefined) {
    throw keyUnsupported(
      table,
      'has no primary key, and a backfill walks along the key. Add one, for example with a new identity column',
    );
  }
  if (others.length > 0) {
    throw keyUnsupported(
      table,
      `has a primary key of several columns (${facts.key_columns.join(', ')}); a backfill needs a key of one column`,
    );
  }
  if (facts.key_type === null || !isKeyTypeName(facts.key_type)) {
    const known = Object.values(keyTypes).map(({ sql }) => sql);
    throw keyUnsupported(
      table,
      `has a primary key of type ${facts.key_type_text ?? '?'}; a backfill needs one of ${known.join(', ')}`,
    );
  }
  return { key, keyType: facts.key_type };
}

async function readFacts(client: SqlClient, oid: string): Promise<TableFacts | undefined> {
  const { rows } = await client.query<TableFacts>(
    `SELECT has_table_privilege(c.oid, 'SELECT') AS may_select,
            EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type = '2') AS has_update_rule,
            ARRAY(SELECT quote_ident(a.attname) FROM pg_index AS i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                    JOIN pg_attribute AS a ON a.attnum = k.attnum
                   WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND k.place <= i.indnkeyatts
                   ORDER BY k.place) AS key_columns,
            key.typname AS key_type, key.text AS key_type_text
       FROM pg_class AS c
       LEFT JOIN LATERAL (SELECT coalesce(base.typname, t.typname) AS typname, format_type(a.atttypid, a.atttypmod) AS text
                            FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                            JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_type AS base ON base.oid = t.typbasetype
                           WHERE i.indrelid = c.oid AND i.indisprimary) AS key ON true
      WHERE c.oid = $1::oid`,
    [oid],
  );
  return rows[0];
}

function unsupported(table: string, reason: string): Error {
  return backfillError(BackfillErrorCode.TableUnsupported, `${table} ${reason}.`, { table });
}

function keyUnsupported(table: string, reason: string): Error {
  return backfillError(BackfillErrorCode.KeyUnsupported, `${table} ${reason}.`, { table });
}
