import { compareTypeVersions } from '@longshore/core';
import { sql } from 'kysely';
import type { TypeDefaults } from '../schema/database.ts';
import { fromStore, storeError } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

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

/** Writes what an executor loaded. The same version registered again overwrites: the newest code of a version counts. */
export async function registerType(db: Db, type: StoredType): Promise<void> {
  await fromStore(
    sql`
    INSERT INTO task_types (type, version, description, contract, steps, hooks, schema, defaults)
    VALUES (${type.type}, ${type.version}, ${type.description}, ${type.contract}, ${type.steps}::text[], ${type.hooks}::text[],
      ${JSON.stringify(type.schema)}::json, ${JSON.stringify(type.defaults)}::json)
    ON CONFLICT (type, version) DO UPDATE SET
      description = excluded.description, contract = excluded.contract, steps = excluded.steps, hooks = excluded.hooks,
      schema = excluded.schema, defaults = excluded.defaults, registered_at = clock_timestamp()`.execute(db),
  );
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
