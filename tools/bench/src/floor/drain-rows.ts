import pg from 'pg';

const BATCH = 2_000;
const CLIENTS = 2;

/**
 * Has two plain clients do the rows' work of a step: insert, claim, finish and archive its subtasks.
 *
 * @param taskId one that the database has not seen.
 * @returns the seconds that it took.
 */
export async function drainRows(url: string, rows: number, taskId: number): Promise<number> {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = new pg.Client({ connectionString: url, options: '-c search_path=longshore' });
      await client.connect();
      return client;
    }),
  );
  try {
    const columns = await historyColumns(clients[0]);
    const before = performance.now();
    const share = Math.floor(rows / CLIENTS);
    await Promise.all(clients.map((client, index) => work(client, taskId, `node-${index}`, share, columns)));
    return (performance.now() - before) / 1_000;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

/** What history keeps of a subtask: not all that a subtask has while it runs. */
async function historyColumns(client: pg.Client | undefined): Promise<string> {
  const found = await client?.query<{ names: string }>(
    `SELECT string_agg(quote_ident(column_name), ', ') AS names FROM information_schema.columns
     WHERE table_schema = 'longshore' AND table_name = 'subtask_history'`,
  );
  return found?.rows[0]?.names ?? '';
}

async function work(client: pg.Client, taskId: number, node: string, rows: number, columns: string): Promise<void> {
  for (let first = 1; first <= rows; first += BATCH) {
    await client.query(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       SELECT $1, 'work', $2, 1, ordinal, 'pending', $2, true, 'null' FROM generate_series($3::int, $4::int) AS ordinal`,
      [taskId, node, first, Math.min(rows, first + BATCH - 1)],
    );
  }
  for (;;) {
    const claimed = await client.query<{ id: string }>(
      `UPDATE subtasks SET state = 'running', attempt = attempt + 1, node_epoch = 1, started_at = clock_timestamp()
       WHERE id IN (
         SELECT id FROM subtasks
         WHERE exec_id = $1 AND task_id = $2 AND step = $1 AND plan_attempt = 1 AND state = 'pending' AND kind = 'work'
         ORDER BY ordinal LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [node, taskId],
    );
    if (claimed.rows.length === 0) return;
    await client.query(
      `WITH gone AS (DELETE FROM subtasks WHERE id = ANY($1::bigint[]) RETURNING *)
       INSERT INTO subtask_history (${columns}) SELECT ${columns} FROM gone`,
      [claimed.rows.map((row) => row.id)],
    );
  }
}
