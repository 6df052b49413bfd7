import { SUBTASK_TRANSITIONS, TASK_TRANSITIONS } from '@longshore/core';

const taken = new Set<string>();

/** Which transitions were taken: what the model never reaches, it doesn't test. */
export const seen = {
  task(from: string | null, on: string, to: string | null): void {
    taken.add(`task: ${from ?? ''} ${on} ${to ?? ''}`);
  },
  subtask(from: string | null, to: string | null): void {
    taken.add(`subtask: ${from ?? ''} ${to ?? ''}`);
  },
  /** Rows of the tables that were not taken up to now. */
  missing(): readonly string[] {
    const all = [
      ...TASK_TRANSITIONS.map((row) => `task: ${row.from} ${row.on} ${row.to}`),
      ...SUBTASK_TRANSITIONS.map((row) => `subtask: ${row.from} ${row.to}`),
    ];
    return [...new Set(all)].filter((row) => !taken.has(row));
  },
};
