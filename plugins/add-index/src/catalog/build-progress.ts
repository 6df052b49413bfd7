import type { SqlClient } from '@longshore/sdk';
import type { LockHolder } from './lock-holder.ts';

/** How far a session's CREATE INDEX CONCURRENTLY is. */
export interface BuildProgress {
  /** In Postgres' words; null before it begins. */
  readonly phase: string | null;
  /** Share of the whole build that is done, 0 to 1. */
  readonly share: number;
  /** Blocks and tuples that the phase is through with. */
  readonly done: { readonly blocks: number; readonly tuples: number };
  /** Who keeps it waiting; null while it works. */
  readonly blocker: LockHolder | null;
}

interface ProgressRow extends Record<string, unknown> {
  readonly phase: string | null;
  readonly blocks: number | null;
  readonly tuples: number | null;
  readonly blocksDone: number | null;
  readonly tuplesDone: number | null;
  readonly pid: number | null;
  readonly application: string | null;
  readonly since: string | null;
}

/** Where a phase begins and ends in the whole, by what was seen with btree on tables of some millions of rows. */
const PHASES: readonly (readonly [phase: string, from: number, to: number, counts: 'blocks' | 'tuples' | null])[] = [
  ['initializing', 0, 0, null],
  ['waiting for writers before build', 0, 0, null],
  ['building index: scanning table', 0, 0.4, 'blocks'],
  ['building index: sorting', 0.4, 0.5, null],
  ['building index: loading tuples in tree', 0.5, 0.7, 'tuples'],
  // Methods other than btree have one phase.
  ['building index', 0, 0.7, 'blocks'],
  ['waiting for writers before validation', 0.7, 0.7, null],
  ['index validation: scanning index', 0.7, 0.75, 'blocks'],
  ['index validation: sorting tuples', 0.75, 0.78, null],
  ['index validation: scanning table', 0.78, 0.99, 'blocks'],
  ['waiting for old snapshots', 0.99, 0.99, null],
];

/** Reads the progress of the session with this pid. */
export async function readBuildProgress(client: SqlClient, pid: number): Promise<BuildProgress> {
  const found = await client.query<ProgressRow>(
    `SELECT p.phase, p.blocks_done::float8 / nullif(p.blocks_total, 0) AS blocks,
            p.tuples_done::float8 / nullif(p.tuples_total, 0) AS tuples,
            p.blocks_done::float8 AS "blocksDone", p.tuples_done::float8 AS "tuplesDone",
            b.pid, b.application_name AS application, to_char(b.xact_start, 'YYYY-MM-DD HH24:MI:SSOF') AS since
     FROM (SELECT $1::int AS pid) s LEFT JOIN pg_stat_progress_create_index p USING (pid)
     LEFT JOIN LATERAL (SELECT a.* FROM pg_stat_activity a WHERE a.pid = ANY(pg_blocking_pids(s.pid))
                        ORDER BY a.xact_start NULLS LAST LIMIT 1) b ON true`,
    [pid],
  );
  const [row] = found.rows;
  const blocker = row?.pid == null ? null : { pid: row.pid, application: row.application ?? '', since: row.since };
  const done = { blocks: row?.blocksDone ?? 0, tuples: row?.tuplesDone ?? 0 };
  return { phase: row?.phase ?? null, share: row === undefined ? 0 : shareOf(row), done, blocker };
}

function shareOf(row: ProgressRow): number {
  const { phase } = row;
  const known = phase === null ? undefined : PHASES.find(([name]) => phase.startsWith(name));
  if (known === undefined) return 0;
  const [, from, to, counts] = known;
  return from + (to - from) * Math.min(1, (counts === null ? 0 : row[counts]) ?? 0);
}
