import type { TaskId } from '../data/ids.ts';

/** Bounds of a task's priority; a lower number goes first. */
export const PRIORITY = { min: 1, default: 512, max: 1024 } as const;

/** What a task's rank is made of. */
export interface Ranked {
  readonly id: TaskId;
  /** 1..1024, lower first. */
  readonly priority: number;
  /** When the task was submitted, by the database's clock, in milliseconds. */
  readonly createdAtMs: number;
}

/**
 * Orders tasks by rank: priority, then time of submit, then id. Negative: `a` goes first. "Rank" is deliberately not
 * called priority, which is only its first part.
 */
export function compareRank(a: Ranked, b: Ranked): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  const left = BigInt(a.id);
  const right = BigInt(b.id);
  return left < right ? -1 : left > right ? 1 : 0;
}
