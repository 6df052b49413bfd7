import { defineTaskType, TaskTypeError, type SqlClient } from '@longshore/sdk';
import { z } from 'zod';

/** What a submit says. Its JSON Schema is what the owner checks a submit against. */
const meta = z.strictObject({
  connection: z.string(),
  /** Rows of days before this one are moved. */
  before: z.iso.date(),
});

/** What one subtask is told, and what it has done. */
const work = z.object({ day: z.iso.date() });
const done = work.extend({ rows: z.int() });

/** Moves a day's rows from one table to the other. */
async function moveDay(client: SqlClient, from: string, to: string, day: string): Promise<number> {
  const moved = await client.query(
    `WITH gone AS (DELETE FROM ${from} WHERE day = $1 RETURNING *) INSERT INTO ${to} SELECT * FROM gone`,
    [day],
  );
  return moved.rowCount ?? 0;
}

export default defineTaskType<z.output<typeof meta>>({
  type: 'archive-orders',
  version: '1.0.0',
  description: 'Moves old orders into orders_archive, day by day.',
  meta,
  steps: ['move'],
  defaults: { slots: 2, slotsPerSubtask: 1, retry: { maxFailures: 3, initialMs: 500 } },
  // What is written to, so that nothing of a task can be written after its end.
  connections: ({ connection }) => [connection],
  scheduler: {
    // Once, before anything is changed: refuse what can't work, with a code and what to do.
    async prepare({ task, connection }) {
      const found = await connection(task.meta.connection).read((client) =>
        client.query(`SELECT to_regclass('orders_archive') IS NOT NULL AS found`),
      );
      if (found.rows[0]?.['found'] === true) return;
      throw new TaskTypeError('ARCHIVE_NO_TABLE', 'there is no table orders_archive; create it like orders');
    },
    // The subtasks of the step, in order; they are spread over the nodes.
    async *planStep({ task, connection }) {
      const { connection: name, before } = task.meta;
      const days = await connection(name).read((client) =>
        client.query<{ day: string; rows: number }>(
          `SELECT day::text, count(*)::int AS rows FROM orders WHERE day < $1 GROUP BY day ORDER BY day`,
          [before],
        ),
      );
      for (const { day, rows } of days.rows) yield { meta: { day }, rows };
    },
    // What it returns is the task's result.
    async onDone({ previousSubtasks }) {
      let rows = 0;
      for await (const { result } of previousSubtasks('move')) rows += done.parse(result).rows;
      return { rows };
    },
    // After a failure or a cancel, when nothing of the task runs any more: take back what was committed.
    async revert({ task, connection }) {
      await connection(task.meta.connection).revertEffects(async (client, committed) => {
        for (const { result } of committed) await moveDay(client, 'orders_archive', 'orders', done.parse(result).day);
      });
    },
  },
  executor: {
    getStepExecutor: () => ({
      async runSubtask({ task, subtask, connection, progress, throttle }) {
        const { day } = work.parse(subtask.meta);
        await throttle.beforeBatch({ statements: 1 });
        // One transaction with its row in the ledger: run twice, moved once.
        const { result } = await connection(task.meta.connection).effectOnce(async (client) => ({
          day,
          rows: await moveDay(client, 'orders', 'orders_archive', day),
        }));
        progress.add({ rows: result.rows });
        return result;
      },
    }),
  },
});
