import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskHandle } from '@longshore/client';
import { createTable, generateCsv, proveRows, type GeneratedCsv } from '@longshore/demo';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { HistoryWatch } from '../src/history-watch.ts';
import { seededRandom } from '../src/random.ts';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, expectEachOnce, killAndRestart, startToyCluster, TOY } from '../src/toy-cluster.ts';

/** Everybody writes across each other while processes die at random. `LONGSHORE_CHAOS_SECONDS` makes it longer, with outages. */
const SECONDS = Number(process.env['LONGSHORE_CHAOS_SECONDS'] ?? 0);
/** The same number gives the same strikes, though not the same moments. */
const SEED = Number(process.env['LONGSHORE_CHAOS_SEED'] ?? 1);
const STRIKES_PER_ROUND = 12;
const SUBTASKS = 300;
const ROWS = 20_000;
const PROCESSES = [1, 2].flatMap((n) => [`owner-${n}`, `node-manager-${n}`, `balancer-${n}`]);
const EXECUTORS = ['executor-1', 'executor-2', 'executor-3'] as const;

let root: string;
let csv: GeneratedCsv;
let runs: RunsFile;
let cluster: TestCluster;
let store: StoreSession;
const broken: string[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longshore-chaos-'));
  await mkdir(join(root, 'data'));
  csv = await generateCsv(join(root, 'data', 'rows.csv'), ROWS, SEED, deadline().signal);
  runs = await RunsFile.make();
  cluster = await startToyCluster({
    plugins: [TOY, '@longshore/plugin-import'],
    executors: EXECUTORS.length,
    replicas: 2,
    settings: { import: { roots: [join(root, 'data')] } },
    connectStoreAs: 'target',
    onLine: (process, line) => {
      if (/deadlock|40P01|INTERNAL|duplicate key/.test(line)) broken.push(`${process} ${line}`);
    },
  });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([runs.remove(), rm(root, { recursive: true, force: true })]);
});

const random = seededRandom(SEED);
const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** Processes that were stopped in the middle of whatever they did, and will go on later: the late holders and leaders. */
const frozen = new Map<string, number>();

/** Lets those go on whose place others have taken. */
async function thaw(): Promise<boolean> {
  const [row] = await store.rows<{ dead: string[]; holders: string[] }>(
    `SELECT ARRAY(SELECT id FROM nodes WHERE state = 'dead') AS dead,
       ARRAY(SELECT holder FROM leases WHERE expires_at > clock_timestamp()) AS holders`,
  );
  for (const [name, pid] of frozen) {
    const isReplaced = name.startsWith('executor')
      ? row?.dead.includes(name)
      : row?.holders.length === 3 && !row.holders.some((holder) => holder.endsWith(`-${pid}`));
    if (isReplaced !== true) continue;
    frozen.delete(name);
    cluster.cluster.processes.get(name)?.kill('SIGCONT');
  }
  return frozen.size === 0;
}

/** Kills or stops a process and brings it back, or freezes it; in the long form now and then restarts a server as well. */
async function strike(): Promise<string> {
  await thaw();
  if (SECONDS > 0 && random() < 0.1) {
    const server = oneOf(['postgres', 'broker'] as const);
    await cluster.cluster.restart(server);
    return server;
  }
  const name = oneOf((random() < 0.6 ? EXECUTORS : PROCESSES).filter((one) => !frozen.has(one)));
  const how = random();
  // One at a time: the work has to get on meanwhile.
  if (how < 0.4 && frozen.size === 0) {
    const process = cluster.cluster.processes.get(name);
    frozen.set(name, process?.pid ?? 0);
    process?.kill('SIGSTOP');
    return `${name} frozen`;
  }
  if (how < 0.6) await cluster.cluster.restart(name);
  else await killAndRestart(cluster, name);
  return name;
}

async function submitRound(): Promise<readonly TaskHandle[]> {
  await store.rows('DROP TABLE IF EXISTS public.demo_rows');
  await createTable(cluster.cluster.databaseUrl);
  const toys = Array.from({ length: 3 }, () => ({
    type: 'toy',
    slots: 2,
    slotsPerSubtask: 1,
    meta: { subtasks: SUBTASKS, sleepMs: 60, failOnce: [7, 77, 277], runsFile: runs.path },
  }));
  const load = { connection: 'target', table: 'demo_rows', files: csv.path, header: true, chunkBytes: 65_536 };
  const requests = [...toys, { type: 'import', meta: load }];
  // An owner may die while it answers: the key makes the second try the same task.
  return Promise.all(
    requests.map((request) => {
      const key = crypto.randomUUID();
      return waitUntil(
        () => cluster.client.submit({ ...request, key }).catch(() => null),
        (task) => task !== null,
        { what: 'a submit' },
      ) as Promise<TaskHandle>;
    }),
  );
}

async function expectRoundDone(tasks: readonly TaskHandle[]): Promise<void> {
  const [imported, ...toys] = tasks.toReversed();
  for (const toy of toys) {
    const ended = await toy.wait(deadline());
    expect(ended.task).toMatchObject({ state: 'succeed', result: { total: SUBTASKS } });
    await expectEachOnce(toy, SUBTASKS);
    expect(runs.doubledAttempts(toy.id)).toEqual([]);
  }
  expect((await imported?.wait(deadline()))?.task).toMatchObject({ state: 'succeed', result: { rows: ROWS } });
  expect(await proveRows(cluster.cluster.databaseUrl, csv)).toMatchObject({ holds: true });
}

/**
 * A search, not a proof: protections overlap, and most of them can be taken out one at a time without a trace here. Seen to fail with a
 * claim that doesn't raise the attempt. Not seen to fail, in one run each, with a sweep or a settlement that doesn't name the attempt, with
 * rows locked in random order, with claims for a dead node, and without the ledger: the other files show those.
 */
it('keeps every promise while processes die', { timeout: 400_000 + SECONDS * 1_000 }, async () => {
  const struck: string[] = [];
  onTestFailed(() => console.error(`seed ${SEED}, struck ${struck.join(' ')}\n${cluster.logs()}`));
  const watch = new HistoryWatch(store);
  const end = performance.now() + SECONDS * 1_000;
  do {
    const tasks = await submitRound();
    for (let strikes = 0; strikes < STRIKES_PER_ROUND; strikes++) {
      struck.push(await strike());
      await watch.look();
    }
    await waitUntil(thaw, (isDone) => isDone, { what: `others in the place of ${[...frozen.keys()].join(' ')}` });
    await expectRoundDone(tasks);
    await watch.look();
    expect(watch.violations).toEqual([]);
  } while (performance.now() < end);
  await waitUntil(
    () => store.rows('SELECT id, kind, state FROM subtasks UNION ALL SELECT id, type, state FROM tasks'),
    (rows) => rows.length === 0,
    { what: 'the archive' },
  );
  await watch.look();
  expect(watch.violations).toEqual([]);
  expect(watch.size).toBeGreaterThan(3 * SUBTASKS);
  expect(broken).toEqual([]);
  expect(await store.deadlocks()).toBe(0);
});
