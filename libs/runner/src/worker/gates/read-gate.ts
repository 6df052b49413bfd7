import type { GateReading, HealthGate } from '@longshore/core';
import type { SqlClient, TargetConnection } from '@longshore/sdk';

/** A look at a gate takes no longer, in milliseconds: a database that doesn't answer is not healthy. */
const LIMIT_MS = 2_000;

/** Looks at one gate. Never throws: what can't be read is closed, and says why. */
export async function readGate(gate: HealthGate, connection: TargetConnection): Promise<GateReading> {
  try {
    return await connection.read((client) => inReadOnly(client, () => look(gate, client)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { isOpen: false, code: 'GATE_UNREADABLE', message: `the gate ${nameOf(gate)} can't be read: ${reason}` };
  }
}

function nameOf(gate: HealthGate): string {
  return `${gate.kind === 'query' ? gate.name : gate.kind} of ${gate.connection}`;
}

/** A gate only looks, whatever the user's query says. */
async function inReadOnly<T>(client: SqlClient, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY');
  await client.query(`SET LOCAL statement_timeout = ${LIMIT_MS}`);
  const result = await work();
  await client.query('ROLLBACK');
  return result;
}

function look(gate: HealthGate, client: SqlClient): Promise<GateReading> {
  switch (gate.kind) {
    case 'replica-lag':
      return lookAtLag(gate, client);
    case 'lock-waits':
      return lookAtLocks(gate, client);
    case 'query':
      return lookByQuery(gate, client);
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
  const { rows } = await client.query<{ n: number; pids: number[] | null }>(
    `SELECT count(*)::int AS n, (array_agg(pid))[1:3] AS pids FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock' AND NOT starts_with(application_name, 'ls/')
       AND state_change < clock_timestamp() - $1 * interval '1 millisecond'`,
    [afterMs],
  );
  const { n, pids } = rows[0] ?? { n: 0, pids: null };
  return {
    isOpen: n <= maxSessions,
    code: 'LOCK_WAITS',
    message: `${n} sessions of ${connection} wait for locks (pid ${(pids ?? []).join(', ') || 'none'}); the limit is ${maxSessions}`,
  };
}

async function lookByQuery(gate: HealthGate & { readonly kind: 'query' }, client: SqlClient): Promise<GateReading> {
  const { rows } = await client.query(gate.sql);
  const value = Object.values(rows[0] ?? {})[0];
  if (typeof value !== 'boolean') {
    return {
      isOpen: false,
      code: 'GATE_UNREADABLE',
      message: `the gate ${nameOf(gate)} returned ${rows.length === 0 ? 'no row' : JSON.stringify(value ?? null)}; its query must return true or false`,
    };
  }
  return { isOpen: value, code: 'GATE_CLOSED', message: `the gate ${nameOf(gate)} is closed` };
}
