import { LongshoreError } from '@longshore/core';
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { MIGRATIONS } from './migrations/index.ts';
import { openStore, SCHEMA, storeError, type Store } from '../session/open-store.ts';
import { storeRefusal } from '../session/store-refusal.ts';
import type { Db } from '../session/transactions.ts';

function migratorOf(db: Db): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) },
    migrationTableSchema: SCHEMA,
    migrationTableName: 'migrations',
    migrationLockTableName: 'migration_lock',
  });
}

/** Without time-outs: an index on a large table takes minutes, and whoever else migrates waits as long for the advisory lock. */
export function openMigratingStore(url: string): Store {
  const settings = { statement_timeout: '0', lock_timeout: '0', idle_in_transaction_session_timeout: '0' };
  return openStore({ url, applicationName: 'longshore-migrate', maxConnections: 2, settings });
}

export interface MigrateResult {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[];
  /** Name of the newest migration that the database has now. */
  readonly version: string;
}

/**
 * Brings a database to this version's schema. Safe to run from many processes at once: an advisory lock lets one work and
 * the others wait; all migrations commit together or not at all.
 *
 * @param url the store's connection URL; its role must be allowed to create a schema.
 * @throws {LongshoreError} STORE_SCHEMA_NEWER when the database has migrations that this version doesn't know,
 * STORE_REFUSED when Postgres refuses the login or has no such database, STORE_UNAVAILABLE when it can't be reached.
 */
export async function migrateStore(url: string): Promise<MigrateResult> {
  const store = openMigratingStore(url);
  try {
    return await migrate(store);
  } catch (thrown) {
    throw storeRefusal(thrown);
  } finally {
    await store.close();
  }
}

async function migrate(store: Store): Promise<MigrateResult> {
  const unknown = await unknownMigrations(store);
  if (unknown.length > 0) throw schemaNewer(unknown);
  const { error, results } = await migratorOf(store.db).migrateToLatest();
  if (error !== undefined) {
    const again = await unknownMigrations(store);
    throw again.length > 0 ? schemaNewer(again) : storeError(error);
  }
  const applied = (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName);
  return { applied, version: newestMigration() };
}

/**
 * Checks that the database fits this version, without changing it. Newer migrations are refused; a service that finds older
 * ones waits for `longshore migrate`.
 *
 * @throws {LongshoreError} STORE_SCHEMA_NEWER, STORE_SCHEMA_OLD or STORE_UNAVAILABLE.
 */
export async function checkSchema(store: Store): Promise<void> {
  const unknown = await unknownMigrations(store);
  if (unknown.length > 0) throw schemaNewer(unknown);
  const have = new Set(await appliedMigrations(store));
  const missing = Object.keys(MIGRATIONS).filter((name) => !have.has(name));
  if (missing.length > 0) {
    throw new LongshoreError('STORE_SCHEMA_OLD', `the database lacks ${missing.join(', ')}; run: longshore migrate`);
  }
}

async function unknownMigrations(store: Store): Promise<string[]> {
  return (await appliedMigrations(store)).filter((name) => !Object.hasOwn(MIGRATIONS, name));
}

async function appliedMigrations(store: Store): Promise<string[]> {
  try {
    const exists = await sql<{
      found: boolean;
    }>`SELECT to_regclass(${`${SCHEMA}.migrations`}) IS NOT NULL AS found`.execute(store.db);
    if (exists.rows[0]?.found !== true) return [];
    const rows = await sql<{
      name: string;
    }>`SELECT name FROM ${sql.table(`${SCHEMA}.migrations`)} ORDER BY name`.execute(store.db);
    return rows.rows.map((row) => row.name);
  } catch (thrown) {
    throw storeError(thrown);
  }
}

function newestMigration(): string {
  return Object.keys(MIGRATIONS).toSorted().at(-1) ?? '';
}

function schemaNewer(unknown: readonly string[]): LongshoreError {
  return new LongshoreError(
    'STORE_SCHEMA_NEWER',
    `the database has ${unknown.join(', ')}, which this version of Longshore doesn't know; use the version that wrote it`,
    { details: { unknown } },
  );
}
