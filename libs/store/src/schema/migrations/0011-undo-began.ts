import { sql, type Kysely } from 'kysely';

/**
 * A task knows whether its revert has begun to undo it: until then it can still go on. Only adds a column with a default, so the services of
 * the version before go on beside it. A revert that they begin isn't noted; then the closed fence refuses the work that goes on.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE tasks ADD COLUMN undo_began boolean NOT NULL DEFAULT false`.execute(db);
}
