import { runMigrations } from 'graphile-worker';
import pg from 'pg';
import { forkGraphileWorkers } from './graphile-workers.ts';

/** What its documentation advises for many small jobs. */
const LOCAL_QUEUE = 5_000;
const CONCURRENT_JOBS = 24;
const PROCESSES = 2;
/** How often the peer's table is looked at, in milliseconds. */
const LOOK_MS = 20;

/**
 * Has the peer drain jobs that do nothing: two worker processes, large local queues, completions in batches. It keeps nothing of a job
 * that is done, and the jobs are there before the clock starts.
 *
 * @returns the seconds that it took, without the start of its processes.
 */
export async function drainJobs(url: string, jobs: number): Promise<number> {
  await runMigrations({ connectionString: url });
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  const workers = await forkGraphileWorkers({
    url,
    processes: PROCESSES,
    localQueueSize: LOCAL_QUEUE,
    concurrentJobs: CONCURRENT_JOBS,
  });
  try {
    await database.query(
      `SELECT count(*) FROM (SELECT graphile_worker.add_jobs(array_agg(
         json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 'noop', 'payload', '{}'::json))))
       FROM generate_series(1, $1::int)) jobs`,
      [jobs],
    );
    const before = performance.now();
    await workers.start();
    for (;;) {
      const { rows } = await database.query('SELECT 1 FROM graphile_worker._private_jobs LIMIT 1');
      if (rows.length === 0) return (performance.now() - before) / 1_000;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    await workers.stop();
    await database.end();
  }
}
