import { createHash } from 'node:crypto';
import type { SqlClient } from '@longshore/sdk';
import type { PreparedIndex } from '../meta/prepared-index.ts';
import type { TreeTable } from './table-tree.ts';

/** Where Postgres cuts names, in bytes. */
const MAX_NAME_BYTES = 63;
const HASH_DIGITS = 8;

/**
 * The name of a partition's index: its table's name and what the whole index's name adds to its own table's, as Postgres does it. The same
 * for the same names at any time; one that is too long is cut and ends in a hash of all of it.
 */
function partitionIndexName(partition: string, root: string, index: string): string {
  const ending = index.startsWith(`${root}_`) ? index.slice(root.length + 1) : index;
  const whole = `${partition}_${ending}`;
  return Buffer.byteLength(whole) <= MAX_NAME_BYTES ? whole : hashedName(whole);
}

/** The beginning of the name, and a hash of it. */
function hashedName(name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  return `${cut(name, MAX_NAME_BYTES - HASH_DIGITS - 1)}_${hash}`;
}

/** The name of an index while it is being built: nobody else has such, so that one that was left behind is known as ours. */
export function workingName(prepared: Pick<PreparedIndex, 'token'>, tableOid: string): string {
  return `longshore_${prepared.token}_${tableOid}`;
}

/** The names for the indexes of these tables; one that something else has already gets the next free number, as Postgres does it. */
export async function choosePartitionNames(
  client: SqlClient,
  tables: readonly TreeTable[],
  { root, index }: { readonly root: string; readonly index: string },
): Promise<ReadonlyMap<string, string>> {
  const chosen = new Map<string, string>();
  const used = new Set<string>();
  let open = tables.map(({ oid, schema, relation }) => ({
    oid,
    schema,
    wanted: partitionIndexName(relation, root, index),
  }));
  for (let number = 0; open.length > 0; number++) {
    const tried = open.map((table) => ({ ...table, name: numbered(table.wanted, number) }));
    const taken = await readTaken(client, tried);
    open = tried.filter(({ oid, schema, name }) => {
      const key = `${schema} ${name}`;
      if (taken.has(key) || used.has(key)) return true;
      used.add(key);
      chosen.set(oid, name);
      return false;
    });
  }
  return chosen;
}

async function readTaken(
  client: SqlClient,
  names: readonly { readonly schema: string; readonly name: string }[],
): Promise<ReadonlySet<string>> {
  const taken = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::name[], $2::name[]))`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  return new Set(taken.rows.map(({ schema, name }) => `${schema} ${name}`));
}

function numbered(name: string, number: number): string {
  if (number === 0) return name;
  return `${cut(name, MAX_NAME_BYTES - String(number).length)}${number}`;
}

function cut(text: string, maxBytes: number): string {
  let short = text;
  while (Buffer.byteLength(short) > maxBytes) short = short.slice(0, -1);
  // Never half of a character that takes two units.
  return short.replace(/[\uD800-\uDBFF]$/, '');
}
