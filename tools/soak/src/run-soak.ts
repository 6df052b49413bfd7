import { setTimeout as wait } from 'node:timers/promises';
import { waitUntil } from '@longshore/testing';
import pg from 'pg';
import { soakFaults } from './faults.ts';
import { sendHostileRequests } from './hostile-requests.ts';
import { makeJobs, type Job } from './jobs.ts';
import { MemoryGauge } from './memory.ts';
import type { SoakFigures } from './report.ts';
import { runRudeTasks } from './rude-tasks.ts';
import { startSoakCluster, type SoakCluster } from './soak-cluster.ts';
import { TaskTimes } from './task-times.ts';
import { SilentWaits } from './waiting.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** Sees what happens, line by line. */
  readonly say: (line: string) => void;
  /** Aborting it ends the soak early: what it saw until then counts. */
  readonly signal: AbortSignal;
}

/** Share of the time without faults at the start: the undisturbed times come from there. */
const QUIET_SHARE = 0.2;
const FAULT_MS = 6_000;
const CALM_MS = 9_000;
const LOOK_MS = 1_000;
/** How long after the end of the time tasks may need to end: longer is a hang, and counts as a failure. */
const LAST_TASKS_MS = 120_000;

/**
 * Runs mixed tasks for so many minutes while the cluster's surroundings fail, one fault at a time, beside a rude plugin and hostile requests. Everything that it starts is stopped when
 * it returns or throws.
 */
export async function runSoak({ minutes, say, signal }: SoakOptions): Promise<SoakFigures> {
  const soak = await startSoakCluster(() => undefined);
  const target = new pg.Pool({ connectionString: soak.targetUrl });
  const store = new pg.Pool({ connectionString: soak.storeUrl, options: '-c search_path=longshore' });
  try {
    return await observe(soak, target, store, { minutes, say, signal });
  } finally {
    await Promise.all([target.end(), store.end()]);
    await soak.stop();
  }
}

async function observe(
  soak: SoakCluster,
  target: pg.Pool,
  store: pg.Pool,
  { minutes, say, signal }: SoakOptions,
): Promise<SoakFigures> {
  const times = new TaskTimes();
  const silent = new SilentWaits(store);
  const memory = new MemoryGauge(() => soak.cluster.cluster.processes);
  const startedAt = performance.now();
  const totalMs = minutes * 60_000;
  const working = AbortSignal.any([signal, AbortSignal.timeout(totalMs)]);
  const failures: string[] = [];
  let wrongRefusals = 0;
  let numbers = 0;

  const runJobs = async (job: Job): Promise<void> => {
    while (!working.aborted) {
      const number = ++numbers;
      const problem = await runJob(soak, job, number, times).catch((error: unknown) => String(error));
      if (problem === null) continue;
      failures.push(problem);
      say(`FAILED ${job.kind} ${number}: ${problem}`);
    }
  };
  const look = async (): Promise<void> => {
    while (!working.aborted) {
      memory.sample();
      await silent.look();
      await wait(LOOK_MS);
    }
  };
  /** Rude plugins and hostile requests, from the first fault on. */
  const offend = async (): Promise<readonly [number, number]> => {
    await wait(totalMs * QUIET_SHARE, undefined, { signal: working }).catch(() => undefined);
    const { client, cluster } = soak.cluster;
    const wrong = (problem: string): void => {
      wrongRefusals += 1;
      say(`WRONG ${problem}`);
    };
    const nodes = [...cluster.processes.keys()].filter((name) => name.startsWith('executor'));
    const hostile = { natsUrl: cluster.natsUrl, natsToken: cluster.natsToken, cluster: cluster.cluster, nodes };
    return Promise.all([runRudeTasks(client, wrong, working), sendHostileRequests(hostile, wrong, working)]);
  };
  const hurt = async (): Promise<number> => {
    const faults = soakFaults(soak);
    let held = 0;
    await wait(totalMs * QUIET_SHARE, undefined, { signal: working }).catch(() => undefined);
    times.endQuiet();
    while (!working.aborted) {
      const fault = faults[held % faults.length];
      if (fault === undefined) break;
      const minute = ((performance.now() - startedAt) / 60_000).toFixed(1);
      say(`minute ${minute}: ${fault.name}; ${times.count} tasks so far`);
      const began = performance.now();
      const excused = await fault.hold(FAULT_MS, working).catch(() => []);
      times.noteFault(began, performance.now(), excused);
      silent.forget();
      held += 1;
      await wait(CALM_MS, undefined, { signal: working }).catch(() => undefined);
    }
    return held;
  };

  const jobs = await makeJobs(target, soak.folder);
  const [faults, [rude, hostile]] = await Promise.all([hurt(), offend(), look(), ...jobs.map(runJobs)]);
  for (const { kind, taskId, factor, seconds } of times.slowest(3)) {
    say(`slowest: ${kind} task ${taskId} took ${seconds} s, ${factor} times the undisturbed median`);
  }
  for (const line of memory.lines) say(line);
  for (const one of silent.found) say(`task ${one.taskId} (${one.state}) was silent for ${one.seconds} s`);
  return {
    minutes,
    tasks: times.count,
    failed_wellbehaved: failures.length,
    rude_tasks: rude,
    hostile_requests: hostile,
    wrong_refusals: wrongRefusals,
    waiting_without_reason: silent.found.length,
    slowest_factor: times.slowest(1)[0]?.factor ?? 0,
    rss_growth_mb: memory.growthMb,
    faults,
  };
}

/** Runs one task to its end. @returns what is wrong with it; null: nothing. */
async function runJob(soak: SoakCluster, job: Job, number: number, times: TaskTimes): Promise<string | null> {
  const { client } = soak.cluster;
  await job.prepare(number);
  const key = `${job.kind}-${number}`;
  const began = performance.now();
  // The bus may be away at this moment: the key makes the next try the same task.
  const task = await waitUntil(
    () => job.submit(client, number, key).catch(() => null),
    (one) => one !== null,
    { what: `a submit of ${key}`, timeoutMs: LAST_TASKS_MS },
  );
  if (task === null) return `${key} could not be submitted`;
  const { task: ended } = await task.wait({ signal: AbortSignal.timeout(LAST_TASKS_MS), until: isStuck });
  times.note(job.kind, task.id, began, performance.now());
  if (ended.outcome !== 'succeeded') {
    return `task ${task.id} is ${ended.state}: ${ended.error?.code ?? ''} ${ended.error?.message ?? ''}`;
  }
  const wrong = await job.check(number);
  await job.remove(number);
  return wrong;
}

/** A task that awaits a person: nobody comes in a soak. */
function isStuck({ task }: { readonly task: { readonly state: string } }): boolean {
  return task.state === 'paused' || task.state === 'awaiting-resolution';
}
