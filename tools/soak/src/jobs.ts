import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LongshoreClient, TaskHandle } from '@longshore/client';
import type pg from 'pg';
import { CONNECTION } from './soak-cluster.ts';

const ROWS = 20_000;
const SUBTASKS = 60;
const SLEEP_MS = 20;

/** One kind of task that the soak runs again and again. */
export interface Job {
  readonly kind: string;
  /** Makes what the task works on; the number is the task's own. */
  prepare(number: number): Promise<void>;
  submit(client: LongshoreClient, number: number, key: string): Promise<TaskHandle>;
  /** Null: the result is what it must be, exactly; otherwise what is wrong. */
  check(number: number): Promise<string | null>;
  /** Removes what `prepare` and the task made. */
  remove(number: number): Promise<void>;
}

/**
 * The mix: one of each task type that Longshore ships, and one of subtasks that only wait. Each task has a table of its own.
 *
 * @param folder where imports read from.
 */
export async function makeJobs(target: pg.Pool, folder: string): Promise<readonly Job[]> {
  const csv = join(folder, 'rows.csv');
  const lines = Array.from({ length: ROWS }, (_, index) => `${index + 1},"row, ${index + 1}"`);
  await writeFile(csv, `id,note\n${lines.join('\n')}\n`);
  const drop = async (table: string): Promise<void> => {
    await target.query(`DROP TABLE IF EXISTS ${table}`);
  };
  const fill = async (table: string): Promise<void> => {
    await target.query(
      `CREATE TABLE ${table} AS SELECT id, id % 97 AS part, 0 AS changed FROM generate_series(1, ${ROWS}) AS id`,
    );
    await target.query(`ALTER TABLE ${table} ADD PRIMARY KEY (id)`);
  };
  const expectValue = async (sql: string, expected: number): Promise<string | null> => {
    const { rows } = await target.query<{ value: string }>(sql);
    const value = Number(rows[0]?.value);
    return value === expected ? null : `expected ${expected}, found ${value}: ${sql}`;
  };
  return [
    {
      kind: 'import',
      prepare: async (number) => {
        await target.query(`CREATE TABLE import_${number} (id bigint, note text)`);
      },
      submit: (client, number, key) =>
        client.submit({
          type: 'import',
          key,
          meta: { connection: CONNECTION, table: `import_${number}`, files: [csv], header: true, chunkBytes: 65_536 },
        }),
      check: (number) => expectValue(`SELECT count(*) + count(DISTINCT id) AS value FROM import_${number}`, 2 * ROWS),
      remove: (number) => drop(`import_${number}`),
    },
    {
      kind: 'backfill',
      prepare: (number) => fill(`backfill_${number}`),
      submit: (client, number, key) =>
        client.submit({
          type: 'backfill',
          key,
          meta: {
            connection: CONNECTION,
            table: `backfill_${number}`,
            set: { changed: 'changed + 1' },
            maxBatchRows: 2_000,
          },
        }),
      check: (number) => expectValue(`SELECT count(*) AS value FROM backfill_${number} WHERE changed = 1`, ROWS),
      remove: (number) => drop(`backfill_${number}`),
    },
    {
      kind: 'add-index',
      prepare: (number) => fill(`indexed_${number}`),
      submit: (client, number, key) =>
        client.submit({
          type: 'add-index',
          key,
          meta: { connection: CONNECTION, statement: `CREATE INDEX ON indexed_${number} (part)` },
        }),
      check: (number) =>
        expectValue(
          `SELECT count(*) AS value FROM pg_index WHERE indrelid = 'indexed_${number}'::regclass AND indisvalid AND NOT indisprimary`,
          1,
        ),
      remove: (number) => drop(`indexed_${number}`),
    },
    {
      kind: 'steps',
      prepare: () => Promise.resolve(),
      submit: (client, _, key) =>
        client.submit({ type: 'soak-steps', key, meta: { subtasks: SUBTASKS, sleepMs: SLEEP_MS } }),
      check: () => Promise.resolve(null),
      remove: () => Promise.resolve(),
    },
  ];
}
