import pg from 'pg';
import { TABLE } from './bench-table.ts';

/** How often the writer has something to do, in milliseconds: a hundred transactions a second. */
const EVERY_MS = 10;

/** Somebody who uses the table all the while. */
export interface HotWriter {
  /** Ends it. @returns how long each of its transactions took, in milliseconds. */
  stop(): Promise<readonly number[]>;
}

/**
 * Starts a writer that changes one row anywhere, or adds one at the end, in a transaction of its own, a hundred times a second. Time
 * counts from when it was due, so that the ones that a blocked one keeps waiting are as late as a user would find them.
 */
export async function startHotWriter(url: string, rows: number): Promise<HotWriter> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const took: number[] = [];
  const ending = new AbortController();
  const write = async (): Promise<void> => {
    const begun = performance.now();
    for (let i = 0; !ending.signal.aborted; i++) {
      const due = begun + i * EVERY_MS;
      const early = due - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      if (i % 5 === 0) {
        await client.query(`INSERT INTO ${TABLE} (note) VALUES ('added')`);
      } else {
        const id = 1 + ((i * 7_368_787) % rows);
        await client.query(`UPDATE ${TABLE} SET touched = touched + 1 WHERE id = $1`, [id]);
      }
      took.push(performance.now() - due);
    }
  };
  const writing = write();
  writing.catch(() => undefined);
  return {
    stop: async () => {
      ending.abort();
      await writing.finally(() => client.end());
      return took;
    },
  };
}
