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
  /** See {@link BackfillTarget.family}. */
  readonly family: string;
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

/** As in an UPDATE: the table without those that inherit from it. No table's name can begin so without quotes. */
const ONLY = /^\s*only\s+(?=\S)/i;

/**
 * The table that a name means, as the catalog has it, if a backfill can walk along it.
 *
 * @param name - as an UPDATE would write it, perhaps with ONLY.
 * @throws {TaskTypeError} BACKFILL_TABLE_MISSING, BACKFILL_TABLE_UNSUPPORTED, BACKFILL_KEY_UNSUPPORTED or BACKFILL_NO_PRIVILEGE.
 */
export async function findTarget(client: SqlClient, name: string): Promise<BackfillTarget> {
  const isOnly = ONLY.test(name);
  const { oid, name: table, isPartitioned, ...found } = await findRelation(client, name.replace(ONLY, ''), errors);
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
  if (found.isTemporary) throw unsupported(table, 'is temporary, so no other session can change it');
  if (found.isSystem) throw unsupported(table, 'belongs to the system');
  if (isOnly && isPartitioned) {
    throw unsupported(table, 'is partitioned and has no rows of its own; leave ONLY out');
  }
  if (found.heir !== null && !isOnly) {
    // Rows of different tables of the family may have the same key, so there is no one key to walk along.
    throw unsupported(
      table,
      `has the table ${found.heir} inherit from it, whose rows an UPDATE would change as well; backfill ONLY ${table}, and each table that inherits by its own name`,
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
  return { table, isPartitioned, ...keyOf(table, facts), ...(!isOnly && { family: facts.family }) };
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

/** All tables whose rows a plain UPDATE of the table `c` reaches: the same text for the same tables. */
const FAMILY = `
  (WITH RECURSIVE family AS (SELECT c.oid UNION SELECT i.inhrelid FROM pg_inherits AS i JOIN family ON i.inhparent = family.oid)
   SELECT md5(string_agg(oid::text, ' ' ORDER BY oid)) FROM family)`;

/**
 * Whether other tables belong to a table by now than when its ranges were planned: a partition that was attached, a table that
 * inherits. Its rows may have come to lie in a range that was through already.
 */
export async function isFamilyChanged(client: SqlClient, { table, family }: BackfillTarget): Promise<boolean> {
  const { rows } = await client.query<{ family: string }>(
    `SELECT ${FAMILY} AS family FROM pg_class AS c WHERE c.oid = to_regclass($1)`,
    [table],
  );
  return family !== undefined && rows[0] !== undefined && rows[0].family !== family;
}

async function readFacts(client: SqlClient, oid: string): Promise<TableFacts | undefined> {
  const { rows } = await client.query<TableFacts>(
    `SELECT has_table_privilege(c.oid, 'SELECT') AS may_select,
            EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type = '2') AS has_update_rule,
            ARRAY(SELECT quote_ident(a.attname) FROM pg_index AS i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                    JOIN pg_attribute AS a ON a.attnum = k.attnum
                   WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND k.place <= i.indnkeyatts
                   ORDER BY k.place) AS key_columns,
            key.typname AS key_type, key.text AS key_type_text,
            ${FAMILY} AS family
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
