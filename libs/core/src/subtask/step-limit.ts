/** Subtasks of one step at most, where neither its task type nor the cluster says another number: more belong into larger subtasks. */
export const DEFAULT_MAX_SUBTASKS_PER_STEP = 1_000_000;

/** The highest number that a task type or the cluster may allow. */
export const HIGHEST_MAX_SUBTASKS_PER_STEP = 100_000_000;

/** How many subtasks a step may have, and who says so. */
export interface StepLimit {
  readonly maxSubtasks: number;
  readonly from: 'default' | 'type' | 'cluster';
}

/**
 * How many subtasks a step may have at most. The type knows what it needs, and the cluster's operators have the last word.
 *
 * @param ofType what the task type allows; undefined: it doesn't say.
 * @param ofCluster what the cluster allows; null: nobody has set it.
 */
export function stepLimit(ofType: number | undefined, ofCluster: number | null): StepLimit {
  if (ofType !== undefined && (ofCluster === null || ofType <= ofCluster)) return { maxSubtasks: ofType, from: 'type' };
  if (ofCluster !== null) return { maxSubtasks: ofCluster, from: 'cluster' };
  return { maxSubtasks: DEFAULT_MAX_SUBTASKS_PER_STEP, from: 'default' };
}
