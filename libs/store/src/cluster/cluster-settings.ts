import { sql, type RawBuilder } from 'kysely';
import { LOOK_LOCK_MS, unlessLocked } from '../session/look-again.ts';
import { readPrepared } from '../session/read-prepared.ts';
import { inTransaction, type Db } from '../session/transactions.ts';

/** What operators set for the whole cluster while it runs; what is absent is as the services were started with. */
export interface ClusterSettings {
  /** Tasks that have slots at once. */
  readonly maxScheduledTasks?: number;
  /** Subtasks of one step at most, of every type; a type may allow fewer. */
  readonly maxSubtasksPerStep?: number;
}

const NAMES = ['maxScheduledTasks', 'maxSubtasksPerStep'] as const satisfies readonly (keyof ClusterSettings)[];

/** The settings as they are now. */
export async function readSettings(db: Db): Promise<ClusterSettings> {
  const rows = await readPrepared(db, db.selectFrom('settings').select(['name', 'value']));
  const known = NAMES.flatMap((name) => {
    const value = rows.find((row) => row.name === name)?.value;
    return typeof value === 'number' ? [[name, value]] : [];
  });
  return Object.fromEntries(known) as ClusterSettings;
}

/** The cluster's limit of subtasks for a statement that reads something else; null: nobody has set it. */
export const maxSubtasksPerStep: RawBuilder<number | null> = sql<number | null>`
  (SELECT value::text::int FROM settings WHERE name = 'maxSubtasksPerStep')`;

/**
 * Stores settings, all or none; those that are absent stay.
 *
 * @throws {LongshoreError} ROW_LOCKED when another session keeps one of them locked: nothing was changed.
 */
export async function saveSettings(db: Db, settings: ClusterSettings): Promise<void> {
  const changed = Object.entries(settings).filter(([, value]) => value !== undefined);
  const save = (): Promise<void> =>
    inTransaction(
      db,
      async (tx) => {
        for (const [name, value] of changed) {
          await sql`
            INSERT INTO settings (name, value) VALUES (${name}, ${JSON.stringify(value)}::json)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value`.execute(tx);
        }
      },
      LOOK_LOCK_MS,
    );
  await unlessLocked('the limits of the cluster', save);
}
