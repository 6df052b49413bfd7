import {
  fullBudget,
  leaseTokens,
  THROTTLE_UNITS,
  type ThrottleLimits,
  type TokenBudget,
  type Tokens,
} from '@longshore/core';
import { sql } from 'kysely';
import { allTogether, COMMIT_LATER, inTransaction, type Commit, type Db, type Tx } from '../session/transactions.ts';

/** What a node got of a task's budget. */
export interface ThrottleLease {
  /** The task's limits as they are now. */
  readonly limits: ThrottleLimits;
  readonly granted: Tokens;
}

/**
 * How long a lease waits for its budget's row, in milliseconds: leases of other nodes hold it for a few. A longer wait would keep a session that
 * other tasks need.
 */
const LOCK_TIMEOUT_MS = 100;

type Budgets = Readonly<Partial<Record<string, TokenBudget>>>;

/**
 * Leases tokens of a task's budget to a node: one row, locked for a moment, once or a few times a second and node. The limits are read
 * with it, so a change of them takes effect with the next lease.
 *
 * @param wanted what the node could spend now, by unit.
 * @returns null when the task is not active any more.
 * @throws Postgres's error 55P03 when another session keeps the row locked.
 */
export async function leaseThrottle(
  db: Db,
  nodeId: string,
  taskId: string,
  wanted: Tokens,
): Promise<ThrottleLease | null> {
  const lease = async (tx: Tx, commit: Commit): Promise<ThrottleLease | null> => {
    const [, found] = await allTogether([
      sql`INSERT INTO task_budgets (task_id, budgets) SELECT id, '{}' FROM tasks WHERE id = ${taskId}
        ON CONFLICT (task_id) DO NOTHING`.execute(tx),
      sql<{ budgets: Budgets }>`
        SELECT budgets
        FROM task_budgets WHERE task_id = ${taskId} FOR UPDATE`.execute(tx),
    ]);
    // A statement of its own: the one before it may have waited for the row.
    const task = await sql<{ throttle: ThrottleLimits | null; now_ms: number }>`
      SELECT throttle, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms
      FROM tasks WHERE id = ${taskId}`.execute(tx);
    const row = found.rows[0];
    const now = task.rows[0];
    if (row === undefined || now === undefined) return null;
    const limits = now.throttle ?? {};
    const budgets: Record<string, TokenBudget> = {};
    const granted: Partial<Record<string, number>> = {};
    for (const unit of THROTTLE_UNITS) {
      const perSecond = limits[unit];
      if (perSecond === undefined) continue;
      const budget = row.budgets[unit] ?? fullBudget(perSecond, now.now_ms);
      const leased = leaseTokens(budget, perSecond, nodeId, wanted[unit] ?? 0, now.now_ms);
      budgets[unit] = leased.budget;
      granted[unit] = leased.granted;
    }
    // After a crash of Postgres a second's tokens may be given out again.
    await commit(
      [COMMIT_LATER, sql`UPDATE task_budgets SET budgets = ${JSON.stringify(budgets)}::json WHERE task_id = ${taskId}`],
      'throttle.before-commit',
    );
    return { limits, granted };
  };
  return inTransaction(db, lease, LOCK_TIMEOUT_MS);
}
