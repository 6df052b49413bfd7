import type { GateReading, HealthGate } from '@longshore/core';
import { TaskTypeError, type SqlClient, type TargetConnection } from '@longshore/sdk';
import { readByQuery } from './query-gate.ts';

/** A look at a gate takes no longer, in milliseconds: a database that doesn't answer is not healthy. */
const LIMIT_MS = 2_000;

/** SQLSTATE query_canceled: what the time-out of a statement ends with. */
const CANCELED = '57014';

/** Looks at one gate. Never throws: what can't be read is closed, and says why. */
export async function readGate(gate: HealthGate, connection: TargetConnection): Promise<GateReading> {
  try {
    return await connection.read((client) => inReadOnly(client, () => look(gate, client)));
  } catch (error) {
    return {
      isOpen: false,
      code: 'GATE_UNREADABLE',
      message: `the gate ${nameOf(gate)} can't be read: ${whyNot(error)}`,
    };
  }
}

function nameOf(gate: HealthGate): string {
  return `${gate.kind === 'query' ? gate.name : gate.kind} of ${gate.connection}`;
}

/** Without the server's words: an error can carry any value that the role may read to whoever wrote the query. */
function whyNot(error: unknown): string {
  if (TaskTypeError.is(error)) return error.message;
  const code = String((error as { readonly code?: unknown } | null)?.code);
  if (code === CANCELED) return `it took longer than the statement timeout of ${LIMIT_MS} ms (SQLSTATE ${CANCELED})`;
  if (/^[0-9A-Z]{5}$/.test(code)) return `the database answered with SQLSTATE ${code}`;
  return `the database is out of reach${/^E[A-Z]{1,30}$/.test(code) ? ` (${code})` : ''}`;
}

/** A gate only looks. What its query has left in the session (an advisory lock, a setting) goes before the next look. */
async function inReadOnly<T>(client: SqlClient, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY');
  await client.query(`SET LOCAL statement_timeout = ${LIMIT_MS}`);
  const result = await work();
  await client.query('ROLLBACK');
  await client.query('DISCARD ALL');
  return result;
}

function look(gate: HealthGate, client: SqlClient): Promise<GateReading> {
  switch (gate.kind) {
    case 'replica-lag':
      return lookAtLag(gate, client);
    case 'lock-waits':
      return lookAtLocks(gate, client);
    case 'query':
      return readByQuery(gate, client);
  }
}

/**
 * On a primary: the lag of the replicas that are connected to it. On a replica: its own. A replica that has replayed everything it got
 * doesn't lag, however long nothing came.
 */
async function lookAtLag(
  { connection, maxMs, minReplicas }: HealthGate & { readonly kind: 'replica-lag' },
  client: SqlClient,
): Promise<GateReading> {
  const { rows } = await client.query<{ is_replica: boolean; replicas: number; hidden: number; lag_ms: number | null }>(
    `SELECT pg_is_in_recovery() AS is_replica, r.replicas, r.hidden,
       CASE WHEN NOT pg_is_in_recovery() THEN r.lag_ms
         WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
         ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END::float8 AS lag_ms
     FROM (SELECT count(*)::int AS replicas, count(*) FILTER (WHERE state IS NULL)::int AS hidden,
         max(extract(epoch FROM replay_lag) * 1000)::float8 AS lag_ms
       FROM pg_stat_replication) r`,
  );
  const row = rows[0];
  const closed = (code: string, message: string): GateReading => ({ isOpen: false, code, message });
  if (row === undefined) return closed('GATE_UNREADABLE', `${connection} answered nothing about its replicas`);
  if (!row.is_replica && row.hidden > 0) {
    return closed('GATE_UNREADABLE', `the role of ${connection} may not see its replicas' lag; grant it pg_monitor`);
  }
  if (!row.is_replica && row.replicas < minReplicas) {
    return closed('REPLICA_LAG', `${connection} has ${row.replicas} replicas connected, ${minReplicas} are asked for`);
  }
  const lagMs = Math.round(row.lag_ms ?? 0);
  return {
    isOpen: lagMs <= maxMs,
    code: 'REPLICA_LAG',
    message: `a replica of ${connection} is ${lagMs} ms behind; the limit is ${maxMs} ms`,
  };
}

async function lookAtLocks(
  { connection, maxSessions, afterMs }: HealthGate & { readonly kind: 'lock-waits' },
  client: SqlClient,
): Promise<GateReading> {
  const { rows } = await client.query<{ n: number; pids: number[] | null; hidden: number }>(
    `SELECT count(*) FILTER (WHERE is_waiting)::int AS n, (array_agg(pid) FILTER (WHERE is_waiting))[1:3] AS pids,
       count(*) FILTER (WHERE query = '<insufficient privilege>')::int AS hidden
     FROM (SELECT pid, query, wait_event_type = 'Lock' AND NOT starts_with(application_name, 'ls/')
         AND state_change < clock_timestamp() - $1 * interval '1 millisecond' AS is_waiting
       FROM pg_stat_activity WHERE datname = current_database()) s`,
    [afterMs],
  );
  const { n, pids, hidden } = rows[0] ?? { n: 0, pids: null, hidden: 1 };
  if (n <= maxSessions && hidden > 0) {
    const message = `the role of ${connection} may not see what ${hidden} other sessions wait for; grant it pg_monitor`;
    return { isOpen: false, code: 'GATE_UNREADABLE', message };
  }
  return {
    isOpen: n <= maxSessions,
    code: 'LOCK_WAITS',
    message: `${n} sessions of ${connection} wait for locks (pid ${(pids ?? []).join(', ') || 'none'}); the limit is ${maxSessions}`,
  };
}
