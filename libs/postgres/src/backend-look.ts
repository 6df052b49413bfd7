import pg from 'pg';

/**
 * How long a backend must have waited for its client until an answer counts as lost, by the server's clock: an answer that is under way takes a
 * trip, not a second.
 */
const LOST_AFTER = '1 second';

interface LookRow {
  readonly own: number;
  readonly busy: readonly number[];
}

/**
 * What the server does for sessions from which nothing was heard. A backend that has nothing to do, while its client waits, will never
 * answer: the request or the answer was lost. It is ended, since it may hold locks.
 */
const LOOK = `
  WITH found AS (
    SELECT pid, application_name,
      coalesce(state LIKE 'idle%' AND state_change < clock_timestamp() - $2::interval, false) AS is_idle
    FROM pg_stat_activity WHERE pid = ANY($1::int[]) AND usename = session_user AND pg_backend_pid() = $3),
  ended AS MATERIALIZED (
    SELECT pg_terminate_backend(pid) AS done FROM found
    WHERE is_idle AND application_name = current_setting('application_name'))
  SELECT pg_backend_pid() AS own, ARRAY(SELECT pid FROM found WHERE NOT is_idle) AS busy, (SELECT count(done) FROM ended) AS ended`;

/**
 * Asks by a new session which backends still work for their clients.
 *
 * @param config the sessions' own, so that this one takes the same way; `timeoutMs` bounds connecting and asking, each.
 * @param pids process ids that the server gave to the sessions.
 * @returns those that work. Null when nobody can tell: the server can't be reached, or a pooler is in between, whose process ids are its own.
 */
export async function busyBackends(
  config: pg.ClientConfig,
  pids: readonly number[],
  timeoutMs: number,
): Promise<ReadonlySet<number> | null> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const own = (client as { readonly processID?: unknown }).processID;
    const { rows } = await client.query<LookRow>(LOOK, [pids, LOST_AFTER, own]);
    const [row] = rows;
    return row === undefined || row.own !== own ? null : new Set(row.busy);
  } catch {
    return null;
  } finally {
    // Not waited for: nothing depends on it, and the goodbye of a hung session is never answered.
    client.end().catch(() => undefined);
  }
}
