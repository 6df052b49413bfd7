import type { SqlClient } from '@longshore/sdk';

/** Of which index an index is a part: pairs of numbers, decimal. */
export async function readParents(
  client: SqlClient,
  indexOids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await client.query<{ child: string; parent: string }>(
    'SELECT inhrelid::text AS child, inhparent::text AS parent FROM pg_inherits WHERE inhrelid = ANY($1::oid[])',
    [indexOids],
  );
  return new Map(found.rows.map(({ child, parent }) => [child, parent]));
}

/** Qualified and quoted names of those indexes that are there. */
export async function readIndexNames(
  client: SqlClient,
  indexOids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await client.query<{ oid: string; name: string }>(
    `SELECT c.oid::text AS oid, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY($1::oid[]) AND c.relkind IN ('i', 'I')`,
    [indexOids],
  );
  return new Map(found.rows.map(({ oid, name }) => [oid, name]));
}
