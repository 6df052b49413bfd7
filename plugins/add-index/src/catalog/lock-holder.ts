import type { SqlClient } from '@longshore/sdk';

/** A session that is in the way. */
export interface LockHolder {
  readonly pid: number;
  readonly application: string;
  /** When its transaction began, as the server tells it. */
  readonly since: string | null;
}

/** Who is waited for, in words for a person. */
export function describeHolder(holder: LockHolder | null): string {
  if (holder === null) return 'lock held by another session';
  const application = holder.application === '' ? 'no application name' : holder.application;
  const since = holder.since === null ? '' : `, in a transaction since ${holder.since}`;
  return `lock held by pid ${holder.pid} (${application}${since})`;
}

/** The session that holds locks on these relations for the longest time; null when nobody does any more. */
export async function findLockHolder(client: SqlClient, relationOids: readonly string[]): Promise<LockHolder | null> {
  const holders = await client.query<LockHolder & Record<string, unknown>>(
    `SELECT a.pid, a.application_name AS application, to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SSOF') AS since
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY($1::oid[]) AND a.pid <> pg_backend_pid()
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY a.xact_start NULLS LAST LIMIT 1`,
    [relationOids],
  );
  return holders.rows[0] ?? null;
}
