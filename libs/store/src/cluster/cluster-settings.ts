import { sql } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import { readPrepared } from '../session/read-prepared.ts';
import type { Db } from '../session/transactions.ts';

/** What operators set for the whole cluster while it runs; what is absent is as the services were started with. */
export interface ClusterSettings {
  /** Tasks that have slots at once. */
  readonly maxScheduledTasks?: number;
}

/** The settings as they are now. */
export async function readSettings(db: Db): Promise<ClusterSettings> {
  const rows = await readPrepared(db, db.selectFrom('settings').select(['name', 'value']));
  const limit = rows.find((row) => row.name === 'maxScheduledTasks')?.value;
  return typeof limit === 'number' ? { maxScheduledTasks: limit } : {};
}

/** Stores settings; those that are absent stay. */
export async function saveSettings(db: Db, settings: ClusterSettings): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    await fromStore(
      sql`
        INSERT INTO settings (name, value) VALUES (${name}, ${JSON.stringify(value)}::json)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value`.execute(db),
    );
  }
}
