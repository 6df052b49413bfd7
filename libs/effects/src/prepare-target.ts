import { openSessionPool } from '@longshore/postgres';
import { EFFECTS_SCHEMA, ensureEffectsSchema } from './effects-schema.ts';
import { SESSION_LIMITS } from './session-settings.ts';
import { sqlClient } from './sql-client.ts';

export interface PrepareTargetOptions {
  /** `postgres://…` of the target, with a role that may create a schema. */
  readonly url: string;
  /** Role that executors connect with, which gets what effects need. Default: the role of `url` alone. */
  readonly grantTo?: string | undefined;
}

/**
 * Creates Longshore's schema in a target database ahead of its first use, for targets where the executors' role may not.
 * Safe to run again.
 *
 * @throws {TaskTypeError} EFFECTS_NO_PRIVILEGE when this role may not either; the driver's error when the target can't be reached.
 */
export async function prepareTarget(options: PrepareTargetOptions): Promise<void> {
  const { pool } = openSessionPool({
    url: options.url,
    applicationName: 'longshore-target-prepare',
    maxSessions: 1,
    limits: SESSION_LIMITS,
  });
  try {
    const session = await pool.connect();
    try {
      const client = sqlClient(session);
      await ensureEffectsSchema(client);
      if (options.grantTo === undefined) return;
      const role = session.escapeIdentifier(options.grantTo);
      await client.query(`GRANT USAGE ON SCHEMA ${EFFECTS_SCHEMA} TO ${role}`);
      await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${EFFECTS_SCHEMA} TO ${role}`);
      await client.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${EFFECTS_SCHEMA} TO ${role}`);
    } finally {
      session.release();
    }
  } finally {
    await pool.end();
  }
}
