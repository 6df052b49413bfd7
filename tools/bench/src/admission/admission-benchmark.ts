import { startPostgres } from '@longshore/embedded';
import { schedulingRounds, type RoundResult } from '@longshore/owner/internal';
import { electLeader, migrateStore, openStore, ownerWrites, type Db, type LeaderLease } from '@longshore/store';
import { createLogger } from '@longshore/telemetry';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { median, percentile, rounded, spread } from '../statistics.ts';
import { addNodes, planAll, startAll, submitTasks } from './busy-store.ts';
import { countQueries } from './count-queries.ts';

const WAITING = 1_000;
/** A hundred times as many, to see that a pass costs what can change and not what waits. */
const MANY_TIMES = 100;
/** Fewer, to see that the number of queries doesn't depend on it. */
const FEW_WAITING = 100;
/** As many as are scheduled at once by default. */
const RUNNING = 16;
const NODES = 4;
/** Pending subtasks of each running task. */
const SUBTASKS = 2_000;
const ROUNDS = 200;
/** The engine compiles what has run some hundred times. */
const WARM_UP = 300;
/** The lease is not renewed here. */
const LEASE_TTL_MS = 3_600_000;

/** The leading owner's round beside many tasks that wait, when nothing is to be changed: what each wake costs. */
export const admissionBenchmark: Benchmark = {
  name: 'admission',
  description:
    'one scheduling pass of the owner with 1,000 and with 100,000 tasks waiting and 16 running: its time and its queries',
  run: async (options) => {
    const postgres = await startPostgres({ durable: true });
    try {
      await migrateStore(postgres.url);
      return await measure(postgres.url, options);
    } finally {
      await postgres.stop();
    }
  },
};

async function measure(url: string, options: BenchOptions): Promise<Record<string, number>> {
  const store = openStore({ url, applicationName: 'bench-owner' });
  const waiting = options.rows ?? WAITING;
  const rounds = options.rounds ?? ROUNDS;
  try {
    const lease = await electLeader(store.db, 'owner', 'bench', LEASE_TTL_MS);
    if (lease === null) throw new Error('somebody leads in a new database');
    const round = roundsOf(store.db, lease);
    await startRunning(store.db, round, options);
    const few = Math.min(FEW_WAITING, waiting);
    await submitTasks(store.db, few, 600);
    await untilQuiet(round);
    const queriesOfFew = await queriesOfRound(url, lease);
    await submitTasks(store.db, waiting - few, 700);
    const before = performance.now();
    await round();
    options.say(`the first pass, which writes why they wait: ${Math.round(performance.now() - before)} ms`);
    const { tasks } = await untilQuiet(round);
    options.say(
      `${tasks.filter(({ state }) => state === 'running').length} running, ${waiting} waiting, of which a pass looks at ${tasks.filter((task) => task.waiting !== null).length}`,
    );
    const times = await timesOf(round, rounds);
    options.say(`a pass: ${spread(times, 'ms')}`);
    const queries = await queriesOfRound(url, lease);
    const many = waiting * MANY_TIMES;
    await submitTasks(store.db, many - waiting, 800);
    await untilQuiet(round);
    const timesOfMany = await timesOf(round, rounds);
    options.say(`a pass with ${many} waiting: ${spread(timesOfMany, 'ms')}`);
    return {
      pass_ms_p50: rounded(median(times)),
      pass_ms_p99: rounded(percentile(times, 0.99)),
      queries_per_pass: queries,
      [`queries_per_pass_${few}_waiting`]: queriesOfFew,
      [`pass_ms_p50_${many}_waiting`]: rounded(median(timesOfMany)),
      [`pass_ms_p99_${many}_waiting`]: rounded(percentile(timesOfMany, 0.99)),
      [`queries_per_pass_${many}_waiting`]: await queriesOfRound(url, lease),
      waiting,
      running: RUNNING,
      rounds,
    };
  } finally {
    await store.close();
  }
}

function roundsOf(db: Db, lease: LeaderLease): () => Promise<RoundResult> {
  const logger = createLogger('warn', {});
  const writes = ownerWrites(db, lease, 'owner bench');
  return schedulingRounds({ db, writes, logger, tracing: null, maxScheduledTasks: RUNNING });
}

/** Brings the tasks that are to run to where each node runs a subtask of each. */
async function startRunning(db: Db, round: () => Promise<RoundResult>, options: BenchOptions): Promise<void> {
  const nodes = await addNodes(db, NODES);
  await submitTasks(db, RUNNING, 500);
  await untilQuiet(round);
  await planAll(db, nodes, SUBTASKS);
  await untilQuiet(round);
  const started = await startAll(db, nodes);
  options.say(`${RUNNING} tasks with ${SUBTASKS} subtasks each on ${NODES} nodes, ${started} subtasks running`);
}

async function untilQuiet(round: () => Promise<RoundResult>): Promise<RoundResult> {
  for (;;) {
    const result = await round();
    if (result.changed.length === 0) return result;
  }
}

async function timesOf(round: () => Promise<RoundResult>, rounds: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < WARM_UP + rounds; index++) {
    const before = performance.now();
    await round();
    if (index >= WARM_UP) times.push(performance.now() - before);
  }
  return times;
}

/** What one round sends, counted on the wire; types are read only every few seconds, and have been. */
async function queriesOfRound(url: string, lease: LeaderLease): Promise<number> {
  const counter = await countQueries(url);
  const store = openStore({ url: counter.url, applicationName: 'bench-counted' });
  try {
    const round = roundsOf(store.db, lease);
    await round();
    const before = counter.queries;
    await round();
    return counter.queries - before;
  } finally {
    await store.close();
    await counter.close();
  }
}
