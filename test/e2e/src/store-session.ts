import pg from 'pg';
import { waitUntil } from '@longshore/testing';

/** A session of the test's own in the store, to see and to change what no API shows. Connects anew after an outage. */
export class StoreSession {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  rows<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#withClient(async (client) => (await client.query<Row>(text, [...values])).rows);
  }

  /** Runs `work` while rows are locked that a statement with FOR UPDATE has taken. */
  whileLocked<T>(text: string, values: readonly unknown[], work: () => Promise<T>): Promise<T> {
    return this.#withClient(async (client) => {
      await client.query('BEGIN');
      await client.query(text, [...values]);
      return work();
    });
  }

  async #withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.#url, options: '-c search_path=longshore' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Waits until a query of one value gives what is wanted. */
  until(text: string, values: readonly unknown[], wanted: string, what: string): Promise<string> {
    return waitUntil(
      async () => {
        const [row] = await this.rows<{ value: unknown }>(text, values);
        return String(row?.value);
      },
      (value) => value === wanted,
      { what },
    );
  }

  async taskState(id: string): Promise<string> {
    const [row] = await this.rows<{ state: string }>(
      'SELECT state FROM tasks WHERE id = $1 UNION ALL SELECT state FROM task_history WHERE id = $1',
      [id],
    );
    return row?.state ?? 'missing';
  }

  /** Deadlocks that Postgres had to break since its start: with one lock order there are none. */
  async deadlocks(): Promise<number> {
    const [row] = await this.rows<{ n: string }>('SELECT sum(deadlocks) AS n FROM pg_stat_database');
    return Number(row?.n ?? 0);
  }
}
