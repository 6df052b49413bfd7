import { fileURLToPath } from 'node:url';
import type { TaskHandle } from '@longshore/client';
import { startTestCluster, waitUntil, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { median, rounded, spread } from '../statistics.ts';

const FULL_ROWS = 100_000;
const FEW_ROWS = 10;
const ROUNDS = 7;
const EXECUTORS = 3;

/** Cancel of a task with many pending subtasks, with few, and of one that is being planned. */
export const cancelBenchmark: Benchmark = {
  name: 'cancel',
  description:
    'cancel of a task with 100,000 pending and 3 running subtasks, until nothing of it runs; and while it is planned',
  run: async (options) => {
    const cluster = await startTestCluster({
      plugins: [fileURLToPath(new URL('./cancel-task-type.ts', import.meta.url))],
      executors: EXECUTORS,
      slots: 1,
      servers: { postgres: { durable: true } },
      env: { LONGSHORE_LEASE_TTL_MS: '6000', LONGSHORE_LEADER_TTL_MS: '5000', LONGSHORE_POLL_MS: '1000' },
    });
    const database = new pg.Client({
      connectionString: cluster.cluster.databaseUrl,
      options: '-c search_path=longshore -c enable_seqscan=off',
    });
    await database.connect();
    try {
      return await measure(cluster, database, options);
    } finally {
      await database.end();
      await cluster.stop();
    }
  },
};

async function measure(
  cluster: TestCluster,
  database: pg.Client,
  options: BenchOptions,
): Promise<Record<string, number>> {
  const rows = options.rows ?? FULL_ROWS;
  const rounds = options.rounds ?? ROUNDS;
  const many: number[] = [];
  const few: number[] = [];
  const planning: number[] = [];
  // The first round of each is not counted: connections, cached plans, code that is compiled.
  for (let round = 0; round <= rounds; round++) {
    const running = (subtasks: number): Promise<number> =>
      cancelOnce(cluster, database, subtasks, 'work', (id) => untilRunning(database, id));
    const samples = {
      few: await running(FEW_ROWS),
      many: await running(rows),
      planning: await cancelOnce(cluster, database, rows, null, (id) => untilPlanned(database, id, rows / 2)),
    };
    options.say(`round ${round}: ${JSON.stringify(samples)}`);
    if (round === 0) continue;
    few.push(samples.few);
    many.push(samples.many);
    planning.push(samples.planning);
  }
  options.say(`${FEW_ROWS} subtasks: ${spread(few, 'ms')}`);
  options.say(`${rows} subtasks: ${spread(many, 'ms')}`);
  options.say(`while ${rows} are being planned: ${spread(planning, 'ms')}`);
  return {
    cancel_ms_p50: rounded(median(many)),
    cancel_while_planning_ms_p50: rounded(median(planning)),
    cancel_10_ms_p50: rounded(median(few)),
    rows,
    rounds,
  };
}

/** Milliseconds from before the cancel until everything that ran was ended by its holder and the task was being undone. */
async function cancelOnce(
  cluster: TestCluster,
  database: pg.Client,
  subtasks: number,
  expectedStep: 'work' | null,
  untilReady: (id: string) => Promise<unknown>,
): Promise<number> {
  const task = await cluster.client.submit({ type: 'cancel-me', meta: { subtasks } });
  await untilReady(task.id);
  const before = Date.now();
  await task.cancel();
  // Otherwise something else was measured: a plan that was over, or a task that was still being planned.
  const { step } = (await task.get()).task;
  if (step !== expectedStep)
    throw new Error(`the step was ${step ?? 'none'} at the cancel, not ${expectedStep ?? 'none'}`);
  const after = await untilStopped(database, task);
  await untilArchived(task);
  return after - before;
}

/** Every node runs a subtask of it, and has had the time to start it. */
async function untilRunning(database: pg.Client, id: string): Promise<void> {
  await waitUntil(
    () =>
      database.query<{ nodes: number }>(
        `SELECT count(DISTINCT exec_id)::int AS nodes FROM subtasks WHERE task_id = $1 AND state = 'running' AND kind = 'work'`,
        [id],
      ),
    ({ rows }) => rows[0]?.nodes === EXECUTORS,
    { what: 'a running subtask on every node', timeoutMs: 120_000 },
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
}

/** So many rows of the plan are written, and the others are being written. */
function untilPlanned(database: pg.Client, id: string, rows: number): Promise<unknown> {
  return waitUntil(
    () => database.query(`SELECT 1 FROM subtasks WHERE task_id = $1 AND kind = 'work' AND ordinal = $2`, [id, rows]),
    ({ rowCount }) => rowCount === 1,
    { what: 'half of the plan', timeoutMs: 120_000 },
  );
}

/**
 * When the last running row was ended and the task had left `cancelling`: by the database's clock, which is this machine's. Looked up when
 * it is over, so that the looking costs the cancel nothing.
 */
async function untilStopped(database: pg.Client, task: TaskHandle): Promise<number> {
  const { rows } = await waitUntil(
    () =>
      database.query<{ at: number | null }>(
        `SELECT CASE WHEN stopped.at IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM subtasks WHERE task_id = $1 AND state = 'running')
           THEN extract(epoch FROM greatest(stopped.at,
             (SELECT max(ended_at) FROM subtasks WHERE task_id = $1 AND state <> 'pending'),
             (SELECT max(ended_at) FROM subtask_history WHERE task_id = $1)))::float8 * 1000 END AS at
         FROM (SELECT max(at) AS at FROM task_events WHERE task_id = $1 AND kind = 'stop') stopped`,
        [task.id],
      ),
    (found) => typeof found.rows[0]?.at === 'number',
    { what: 'the task to be stopped', timeoutMs: 60_000 },
  );
  return rows[0]?.at ?? Number.NaN;
}

/** Nothing of it is under way when the next sample begins. */
function untilArchived(task: TaskHandle): Promise<unknown> {
  return waitUntil(
    () => task.get(),
    (detail) => detail.task.isArchived,
    { what: 'the archive', timeoutMs: 120_000 },
  );
}
