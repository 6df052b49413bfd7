import { compareTypeVersions } from '@longshore/core';
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { TypeDefaults } from '../schema/database.ts';
import { storeError } from '../session/open-store.ts';
import { inTransaction, type Db } from '../session/transactions.ts';

/** A task type as the control plane knows it: data, no code. */
export interface StoredType {
  readonly type: string;
  readonly version: string;
  readonly description: string;
  readonly contract: number;
  readonly steps: readonly string[];
  /** Hooks that the type has: the control plane plans control subtasks for these alone. */
  readonly hooks: readonly string[];
  /** JSON Schema of a task's meta. */
  readonly schema: Record<string, unknown>;
  readonly defaults: TypeDefaults;
}

/** What became of a type that was to be registered. */
export interface Registration {
  /** What differs from the one that the same version had before: tasks are checked and planned by these. Empty: nothing. */
  readonly changed: readonly ('schema' | 'steps' | 'hooks')[];
  /** Whether it is registered now. */
  readonly isRegistered: boolean;
}

/**
 * Writes what an executor loaded. Words and defaults of the same version are renewed. With another schema, other steps or hooks it is
 * another type: it replaces the one that is there only if the caller wants that.
 */
export async function registerType(
  db: Db,
  type: StoredType,
  options: { readonly replaces: boolean } = { replaces: false },
): Promise<Registration> {
  return inTransaction(db, async (tx) => {
    const written = sql`
      INSERT INTO task_types (type, version, description, contract, steps, hooks, schema, defaults)
      VALUES (${type.type}, ${type.version}, ${type.description}, ${type.contract}, ${type.steps}::text[], ${type.hooks}::text[],
        ${JSON.stringify(type.schema)}::json, ${JSON.stringify(type.defaults)}::json)
      ON CONFLICT (type, version)`;
    const inserted = await sql`${written} DO NOTHING RETURNING 1`.execute(tx);
    if (inserted.rows.length > 0) return { changed: [], isRegistered: true };
    const { rows } = await sql<Pick<StoredType, 'schema' | 'steps' | 'hooks'>>`
      SELECT schema, steps, hooks FROM task_types
      WHERE type = ${type.type} AND version = ${type.version} FOR UPDATE`.execute(tx);
    const changed = rows.flatMap((known) => changesOf(known, type));
    if (changed.length > 0 && !options.replaces) return { changed, isRegistered: false };
    await sql`${written} DO UPDATE SET
      description = excluded.description, contract = excluded.contract, steps = excluded.steps, hooks = excluded.hooks,
      schema = excluded.schema, defaults = excluded.defaults, registered_at = clock_timestamp()`.execute(tx);
    return { changed, isRegistered: true };
  });
}

/** All registered versions, of one type or of all; by name, newest version first. */
export async function readTypes(db: Db, type?: string): Promise<readonly StoredType[]> {
  try {
    const query = db.selectFrom('task_types').selectAll();
    const rows = await (type === undefined ? query : query.where('type', '=', type)).execute();
    return rows
      .map((row) => ({
        type: row.type,
        version: row.version,
        description: row.description,
        contract: row.contract,
        steps: row.steps,
        hooks: row.hooks,
        schema: row.schema,
        defaults: row.defaults,
      }))
      .toSorted((a, b) => (a.type === b.type ? compareTypeVersions(b.version, a.version) : a.type < b.type ? -1 : 1));
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/** Keywords of a schema that are words for a person, and change nothing of what it allows. */
const WORDS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'examples',
  'errorMessage',
]);
/** Below these the names are fields, and not keywords. */
const FIELDS: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions']);
/** Values of these are data. */
const DATA: ReadonlySet<string> = new Set(['const', 'enum', 'default']);

function changesOf(
  known: Pick<StoredType, 'schema' | 'steps' | 'hooks'>,
  now: Pick<StoredType, 'schema' | 'steps' | 'hooks'>,
): Registration['changed'] {
  const isSame = {
    schema: isDeepStrictEqual(rulesOf(known.schema), rulesOf(JSON.parse(JSON.stringify(now.schema)))),
    steps: isDeepStrictEqual(known.steps, [...now.steps]),
    hooks: isDeepStrictEqual(known.hooks.toSorted(), now.hooks.toSorted()),
  };
  return (['schema', 'steps', 'hooks'] as const).filter((part) => !isSame[part]);
}

/** A schema without its words. The order of keys is no matter to whoever compares. */
function rulesOf(schema: unknown, isFields = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => rulesOf(item));
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([name]) => isFields || !WORDS.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, isFields ? rulesOf(value) : ruleOf(name, value)]));
}

function ruleOf(keyword: string, value: unknown): unknown {
  if (DATA.has(keyword)) return value;
  // Names of fields, whose order says nothing.
  if (keyword === 'required' && Array.isArray(value)) return value.toSorted();
  return rulesOf(value, FIELDS.has(keyword));
}
