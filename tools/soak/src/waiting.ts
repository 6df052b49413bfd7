import type pg from 'pg';

/** A task that does nothing, and nothing says why. */
export interface SilentWait {
  readonly taskId: string;
  readonly state: string;
  readonly seconds: number;
}

/**
 * Looks at tasks again and again for those of which nothing runs and that give no reason for it. A moment of that is normal, between two moves of a
 * task; longer than {@link SILENT_MS} it is a task that its owner can't explain.
 */
export class SilentWaits {
  readonly #store: pg.Pool;
  readonly #since = new Map<string, number>();
  readonly #found = new Map<string, SilentWait>();

  /** @param store a session to the store that the faults don't touch. */
  constructor(store: pg.Pool) {
    this.#store = store;
  }

  /** Every task that was silent for too long, once. */
  get found(): readonly SilentWait[] {
    return [...this.#found.values()];
  }

  /** While a fault is held the store can't be told anything new: what is silent then counts from its end. */
  forget(): void {
    this.#since.clear();
  }

  async look(): Promise<void> {
    const { rows } = await this.#store.query<{ id: string; state: string }>(
      `SELECT t.id::text, t.state FROM tasks t
       WHERE t.state IN ('pending', 'running', 'reverting') AND t.waiting IS NULL
         AND NOT EXISTS (SELECT 1 FROM subtasks s WHERE s.task_id = t.id AND (s.state = 'running' OR s.waiting IS NOT NULL))`,
    );
    const now = performance.now();
    const silent = new Set(rows.map((row) => row.id));
    for (const id of this.#since.keys()) if (!silent.has(id)) this.#since.delete(id);
    for (const { id, state } of rows) {
      const since = this.#since.get(id) ?? now;
      this.#since.set(id, since);
      if (now - since < SILENT_MS) continue;
      this.#found.set(id, { taskId: id, state, seconds: Math.round((now - since) / 1_000) });
    }
  }
}

/** How long a task may be silent, in milliseconds: five lease times of the soak's cluster. */
const SILENT_MS = 10_000;
