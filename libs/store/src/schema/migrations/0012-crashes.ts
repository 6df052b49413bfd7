import { sql, type Kysely } from 'kysely';

/**
 * Which process of a node has crashed, and what subtasks are suspected of. Only adds, so the services of the version before go on beside it:
 * for them no process ever crashes.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // json, not jsonb: it holds a checkpoint, which is returned as it came
  await sql`ALTER TABLE subtasks ADD COLUMN crashes json`.execute(db);
  await sql`ALTER TABLE nodes ADD COLUMN boot_id text, ADD COLUMN crashed_epoch bigint`.execute(db);
}
