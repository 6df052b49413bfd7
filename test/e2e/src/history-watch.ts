import type { StoreSession } from './store-session.ts';

/**
 * Looks at what has ended, again and again, and remembers it: a terminal row must never change, and a row must not be in both
 * tables.
 */
export class HistoryWatch {
  readonly #store: StoreSession;
  readonly #seen = new Map<string, string>();
  readonly violations: string[] = [];

  constructor(store: StoreSession) {
    this.#store = store;
  }

  get size(): number {
    return this.#seen.size;
  }

  async look(): Promise<void> {
    const rows = await this.#store.rows<{ key: string; value: string }>(
      `SELECT 'subtask ' || task_id || '/' || id AS key, md5(h::text) AS value FROM subtask_history h
       UNION ALL SELECT 'task ' || id, md5(t::text) FROM task_history t`,
    );
    const now = new Map(rows.map(({ key, value }) => [key, value]));
    for (const [key, value] of this.#seen) {
      if (now.get(key) !== value) this.violations.push(`${key} has changed or gone`);
    }
    for (const [key, value] of now) this.#seen.set(key, value);
    const twice = await this.#store.rows<{ id: string }>(
      'SELECT s.id FROM subtasks s JOIN subtask_history h ON h.task_id = s.task_id AND h.id = s.id',
    );
    for (const { id } of twice) this.violations.push(`subtask ${id} is active and in history`);
    const ordinals = await this.#store.rows<{ task_id: string; ordinal: number }>(
      `SELECT task_id, ordinal FROM subtask_history WHERE kind = 'work' AND state = 'succeed'
       GROUP BY task_id, step, ordinal HAVING count(*) > 1`,
    );
    for (const row of ordinals) this.violations.push(`task ${row.task_id} has done ordinal ${row.ordinal} twice`);
  }
}
