import pg from 'pg';
import { TABLE } from './bench-table.ts';

/** Rows of one statement of the loop. */
const LOOP_ROWS = 5_000;

/** What a shell script does: one statement of 5,000 keys after the other, each a transaction. */
export async function serialLoop(url: string, rows: number): Promise<void> {
  await withClient(url, async (client) => {
    for (let after = 0; after < rows; after += LOOP_ROWS) {
      await client.query(`UPDATE ${TABLE} SET counter = counter + 1 WHERE id > $1 AND id <= $2`, [
        after,
        Math.min(rows, after + LOOP_ROWS),
      ]);
    }
  });
}

/** One statement for all rows. */
export async function oneUpdate(url: string, rows: number): Promise<void> {
  await withClient(url, (client) => client.query(`UPDATE ${TABLE} SET counter = counter + 1 WHERE id <= $1`, [rows]));
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
