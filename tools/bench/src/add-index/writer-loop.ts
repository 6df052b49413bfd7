import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';

/** Between two rows, in milliseconds: a steady trickle that leaves the cores to the builds. */
const PAUSE_MS = 5;

/** A writer of the table, and how long each of its rows took. */
export interface WriterLoop {
  /** Forgets what was measured; what is written from now on counts. */
  begin(): void;
  /** Milliseconds of each insert since `begin`, commit included. */
  readonly latencies: readonly number[];
  stop(): Promise<void>;
}

/**
 * Writes one row after the other, each in a transaction of its own, spread over the partitions.
 *
 * @param rows the ids of the table's rows are below it.
 */
export async function startWriter(url: string, table: string, rows: number): Promise<WriterLoop> {
  const session = new pg.Client({ connectionString: url, application_name: 'bench-writer' });
  await session.connect();
  let latencies: number[] = [];
  let isOver = false;
  const write = async (): Promise<void> => {
    for (let i = 0; !isOver; i++) {
      // A prime step visits the partitions in turn.
      const id = (i * 7_919_317) % rows;
      const before = performance.now();
      await session.query(`INSERT INTO ${table} VALUES ($1, $2)`, [id, `written ${i}`]);
      latencies.push(performance.now() - before);
      await wait(PAUSE_MS);
    }
  };
  const writing = write();
  return {
    begin: () => {
      latencies = [];
    },
    get latencies() {
      return latencies;
    },
    stop: async () => {
      isOver = true;
      await writing;
      await session.end();
    },
  };
}
