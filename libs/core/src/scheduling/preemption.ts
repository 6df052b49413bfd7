import { compareRank, type Ranked } from './rank.ts';

/** A subtask that runs on a node, as preemption sees it. */
export interface PreemptibleRun {
  /** The subtask's id. */
  readonly id: string;
  readonly task: Ranked;
  readonly slots: number;
  readonly isIdempotent: boolean;
  /** By any rising clock. The newest run of a task is stopped first, because it loses the least work. */
  readonly startedAt: number;
}

/**
 * The running subtasks to stop so that a task gets slots on a node. Only subtasks of lower-ranked tasks, from the lowest rank
 * upward, as few as possible. Non-idempotent ones are never stopped.
 *
 * @param candidate who wants slots.
 * @param missing slots that it lacks beyond what is free.
 * @returns ids to stop, none when nothing is missing; null when even all of them would not be enough: then nothing is stopped.
 */
export function choosePreempted(
  runs: readonly PreemptibleRun[],
  candidate: Ranked,
  missing: number,
): readonly string[] | null {
  if (missing <= 0) return [];
  const lower = runs
    .filter((run) => run.isIdempotent && compareRank(candidate, run.task) < 0)
    .toSorted((a, b) => compareRank(b.task, a.task) || b.startedAt - a.startedAt);
  const chosen: PreemptibleRun[] = [];
  let freed = 0;
  for (const run of lower) {
    if (freed >= missing) break;
    chosen.push(run);
    freed += run.slots;
  }
  return freed < missing ? null : chosen.map((run) => run.id);
}
