import { randomBytes } from 'node:crypto';
import { openSessionPool } from '@longshore/postgres';
import { SESSION_LIMITS } from './session-settings.ts';
import { sqlClient } from './sql-client.ts';

/**
 * Makes a role that gates of a database may be read by, or gives the one that is there another password: for a development cluster. It may
 * read all tables and see what other sessions wait for; it may write nothing, and use nothing of the server.
 *
 * @param url `postgres://…` of a superuser.
 * @param name the role's.
 * @returns the URL for the role.
 * @throws the driver's error.
 */
export async function makeGateReader(url: string, name: string): Promise<string> {
  const password = randomBytes(16).toString('hex');
  const { pool } = openSessionPool({ url, applicationName: 'longshore-gates', maxSessions: 1, limits: SESSION_LIMITS });
  try {
    const session = await pool.connect();
    try {
      const client = sqlClient(session);
      const role = session.escapeIdentifier(name);
      const found = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
      if (found.rows.length === 0) await client.query(`CREATE ROLE ${role}`);
      await client.query(`ALTER ROLE ${role} NOSUPERUSER NOCREATEROLE LOGIN PASSWORD '${password}'`);
      await client.query(`GRANT pg_read_all_data, pg_monitor TO ${role}`);
    } finally {
      session.release();
    }
  } finally {
    await pool.end();
  }
  return Object.assign(new URL(url), { username: name, password }).href;
}
