import type { SqlClient } from '@longshore/sdk';
import { findRelation, type FoundRelation } from '@longshore/sdk/postgres';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';

/** A table that can get an index. */
export type FoundTable = Pick<FoundRelation, 'oid' | 'schema' | 'relation' | 'name' | 'isPartitioned' | 'heir'>;

const errors = {
  make: addIndexError,
  missing: AddIndexErrorCode.TableMissing,
  unsupported: AddIndexErrorCode.TableUnsupported,
  noPrivilege: AddIndexErrorCode.NoPrivilege,
  wanted: 'give a plain or partitioned table',
};

/**
 * The table that a name means, if it can get an index by this role.
 *
 * @param name - as SQL would write it.
 * @throws {TaskTypeError} ADD_INDEX_TABLE_MISSING, ADD_INDEX_TABLE_UNSUPPORTED or ADD_INDEX_NO_PRIVILEGE.
 */
export async function findTable(client: SqlClient, name: string): Promise<FoundTable> {
  const table = await findRelation(client, name, errors);
  refuseKind(table);
  await refusePrivileges(client, table);
  const { oid, schema, relation, isPartitioned, heir } = table;
  return { oid, schema, relation, name: table.name, isPartitioned, heir };
}

function refuseKind({ name, isTemporary, isSystem, foreignPartition }: FoundRelation): void {
  const reason = isTemporary
    ? 'is temporary, so no other session can index it'
    : isSystem
      ? 'belongs to the system'
      : foreignPartition !== null
        ? `has the foreign table ${foreignPartition} as a partition, which can have no index; index the other partitions one by one`
        : null;
  if (reason === null) return;
  throw addIndexError(AddIndexErrorCode.TableUnsupported, `${name} ${reason}.`, { table: name });
}

interface Lacking extends Record<string, unknown> {
  readonly not_owned: string | null;
  readonly closed_schema: string | null;
}

/** An index comes to the table and to each of its partitions, so the role needs the same for all of them. */
async function refusePrivileges(client: SqlClient, { oid, name }: FoundRelation): Promise<void> {
  const { rows } = await client.query<Lacking>(
    `SELECT min(format('%I.%I', n.nspname, c.relname)) FILTER (WHERE NOT pg_has_role(c.relowner, 'USAGE')) AS not_owned,
            min(n.nspname) FILTER (WHERE NOT (has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE'))) AS closed_schema
       FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) AS tree
       JOIN pg_class AS c USING (oid) JOIN pg_namespace AS n ON n.oid = c.relnamespace`,
    [oid],
  );
  const { not_owned: notOwned = null, closed_schema: closedSchema = null } = rows[0] ?? {};
  if (notOwned !== null) {
    const message = `The connection's role is no member of the owner of ${notOwned}, and only an owner may index a table. Grant it that role, or connect as the owner.`;
    throw addIndexError(AddIndexErrorCode.NoPrivilege, message, { table: name });
  }
  if (closedSchema !== null) {
    const message = `The connection's role lacks USAGE or CREATE on schema ${closedSchema}, where the index of a table has to be. Grant both.`;
    throw addIndexError(AddIndexErrorCode.NoPrivilege, message, { table: name });
  }
}
