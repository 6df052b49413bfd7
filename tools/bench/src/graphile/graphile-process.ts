import { Logger, run, type Runner } from 'graphile-worker';
import pg from 'pg';
import type { GraphileOrder } from './graphile-workers.ts';

// One worker process of the peer, tuned as its documentation says for many small jobs. Says when it is ready to be told to start.
const [connectionString = '', localQueueSize = '-1', concurrentJobs = '10'] = process.argv.slice(2);
const counters = new pg.Pool({ connectionString, max: Number(concurrentJobs) });
let runner: Runner | null = null;

async function start(): Promise<void> {
  const size = Number(localQueueSize);
  runner = await run({
    connectionString,
    noHandleSignals: true,
    // A line per job costs as much as the job.
    logger: new Logger(() => () => undefined),
    maxPoolSize: Number(concurrentJobs),
    preset: {
      worker: {
        concurrentJobs: Number(concurrentJobs),
        // A claim of jobs and a batch of completions cost a trip each; without a delay they batch what comes meanwhile.
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        ...(size > 1 ? { localQueue: { size } } : {}),
      },
    },
    taskList: {
      noop: () => undefined,
      parent: async (payload, { withPgClient }) => {
        const { fanout, children } = payload as { fanout: number; children: number };
        await withPgClient((client) =>
          client.query(
            `WITH counter AS (INSERT INTO counters (fanout, left_over) VALUES ($1, $2))
             SELECT graphile_worker.add_jobs(array_agg(json_populate_record(null::graphile_worker.job_spec,
               json_build_object('identifier', 'child', 'payload', json_build_object('fanout', $1::int))))) FROM generate_series(1, $2::int)`,
            [fanout, children],
          ),
        );
      },
      child: async (payload, { addJob }) => {
        const { fanout } = payload as { fanout: number };
        const { rows } = await counters.query<{ left_over: number }>(
          'UPDATE counters SET left_over = left_over - 1 WHERE fanout = $1 RETURNING left_over',
          [fanout],
        );
        if (rows[0]?.left_over === 0) await addJob('join', { fanout });
      },
      join: () => void process.send?.({ joinedAt: Date.now() }),
    },
  });
}

process.on('message', (order: GraphileOrder) => {
  if (order === 'start') void start().then(() => process.send?.({ started: true }));
  else void Promise.all([runner?.stop(), counters.end()]).then(() => process.exit(0));
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
