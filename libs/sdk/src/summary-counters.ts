import type { RealtimeSummary, StepExecutor } from './step-executor.ts';

/**
 * Counters of the subtasks that run, for a step executor's summary: `{ ...counters.hooks, runSubtask }`.
 *
 * Give the host's summary the same few names for all subtasks of a step; it takes 16 at most.
 */
export class SummaryCounters {
  readonly #counts = new Map<string, Record<string, number>>();

  /** Adds to counters of a running subtask. Cheap: it is counted in memory. */
  add(subtaskId: string, counts: RealtimeSummary): void {
    const own = this.#counts.get(subtaskId) ?? {};
    for (const [name, count] of Object.entries(counts)) own[name] = (own[name] ?? 0) + count;
    this.#counts.set(subtaskId, own);
  }

  /** The hooks of a step executor that tell these counters. */
  get hooks(): Required<Pick<StepExecutor, 'realtimeSummary' | 'resetSummary'>> {
    return {
      realtimeSummary: (subtaskId) => ({ ...this.#counts.get(subtaskId) }),
      resetSummary: (subtaskId) => void this.#counts.delete(subtaskId),
    };
  }
}
