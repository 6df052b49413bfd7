import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTable, generateCsv, proveRows, type GeneratedCsv } from '@longshore/demo';
import type { FaultPoint } from '@longshore/faults';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { PlannedFaults } from '../src/planned-faults.ts';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, expectEachOnce, processOf, startToyCluster, TOY } from '../src/toy-cluster.ts';

/**
 * `kill -9` at every named place that a task passes. Seen to fail: with a sweep that frees nothing (the rows of the dead stay running),
 * with a plan that keeps what its earlier attempt wrote (both plan cases), and with an effect that doesn't heed its ledger row
 * (`effect.after-commit` loads a chunk twice). Not seen to fail with a claim that ignores `plan_attempt`: the next plan has removed the
 * earlier one's rows by then, and the tests of the store are the ones that need it.
 */
const kill = (at: FaultPoint) => ({ at, do: 'kill' }) as const;
const PLAN = {
  'claim.before': kill('claim.before'),
  'claim.before-commit': kill('claim.before-commit'),
  'claim.after-commit': kill('claim.after-commit'),
  'hook.before': kill('hook.before'),
  'settle.before': kill('settle.before'),
  'settle.before-commit': kill('settle.before-commit'),
  'settle.after-commit': kill('settle.after-commit'),
  'lease.before-renew': kill('lease.before-renew'),
  'leader.before-commit': kill('leader.before-commit'),
  'plan.page-before-commit': kill('plan.page-before-commit'),
  'plan.page-after-commit': kill('plan.page-after-commit'),
  'effect.before-commit': kill('effect.before-commit'),
  'effect.after-commit': kill('effect.after-commit'),
} as const;
type Case = keyof typeof PLAN;

const ROWS = 20_000;
let root: string;
let csv: GeneratedCsv;
let runs: RunsFile;
let faults: PlannedFaults<Case>;
let cluster: TestCluster;
let store: StoreSession;
const armed = new Set<Case>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longshore-faults-'));
  await mkdir(join(root, 'data'));
  csv = await generateCsv(join(root, 'data', 'rows.csv'), ROWS, 11, deadline().signal);
  runs = await RunsFile.make();
  faults = await PlannedFaults.plan(PLAN);
  cluster = await startToyCluster({
    plugins: [TOY, '@longshore/plugin-import'],
    executors: 3,
    settings: { import: { roots: [join(root, 'data')] } },
    connectStoreAs: 'target',
    env: faults.env,
  });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([faults.remove(), runs.remove(), rm(root, { recursive: true, force: true })]);
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));
afterEach(async () => {
  for (const name of armed) await faults.disarm(name);
  armed.clear();
});

async function arm(name: Case): Promise<void> {
  armed.add(name);
  await faults.arm(name);
}

/** Waits for the victim's death and starts it anew under its name. */
async function replaceVictim(name: Case): Promise<void> {
  const victim = processOf(cluster, await faults.happened(name));
  expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await cluster.cluster.restart(victim.name);
}

describe('processes that are killed at', () => {
  it.each([
    [['claim.before', 'claim.before-commit', 'claim.after-commit']],
    [['settle.before', 'settle.before-commit', 'settle.after-commit']],
    [['hook.before', 'lease.before-renew', 'leader.before-commit']],
  ] as const)('%s cost no subtask and double none', async (names) => {
    // The owner that archives the task before this one must not be the one that dies: nobody would answer the submit.
    await store.until('SELECT count(*) = 0 AS value FROM tasks', [], 'true', 'the task before is in history');
    await Promise.all(names.map(arm));
    // Together: the owner's first write for this task comes before its answer to the submit now and then, and is what kills it.
    const [task] = await Promise.all([
      cluster.client.submit({
        type: 'toy',
        slots: 2,
        slotsPerSubtask: 1,
        meta: { subtasks: 60, sleepMs: 30, runsFile: runs.path },
      }),
      ...names.map(replaceVictim),
    ]);
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 60 } });
    await expectEachOnce(task, 60);
    expect(runs.doubledAttempts(task.id)).toEqual([]);
  });

  it.each(['plan.page-before-commit', 'plan.page-after-commit'] as const)(
    '%s plans every subtask once',
    async (name) => {
      const latch = runs.newLatch();
      const task = await cluster.client.submit({
        type: 'toy',
        slots: 2,
        slotsPerSubtask: 1,
        meta: { subtasks: 2_300, planLatch: { path: latch.path, after: 1_500 }, sleepMs: 0, runsFile: runs.path },
      });
      // Something of the attempt that will die is committed: it must not count beside the next one's.
      await store.until(
        `SELECT count(*) > 0 AS value FROM subtasks WHERE task_id = $1 AND kind = 'work'`,
        [task.id],
        'true',
        'a page of the plan',
      );
      await arm(name);
      latch.open();
      await replaceVictim(name);
      const ended = await task.wait(deadline());
      expect(ended.task).toMatchObject({ state: 'succeed', result: { total: 2_300 } });
      expect(ended.steps[0]?.subtasks).toMatchObject({ total: 2_300, succeeded: 2_300 });
      await expectEachOnce(task, 2_300);
      expect(runs.doubledAttempts(task.id)).toEqual([]);
    },
  );

  it.each([
    ['finish', {}, { state: 'succeed', result: { total: 2 } }],
    ['revert', { failAlways: [2] }, { state: 'reverted', outcome: 'failed' }],
  ] as const)('the end of %s run that hook again, and the task ends once', async (hook, meta, end) => {
    // Nothing else may be written meanwhile, such as the clean-up of a task before.
    await waitUntil(
      () => cluster.client.list({}),
      ({ tasks }) => tasks.length === 0,
      { what: 'the tasks before to be in history' },
    );
    const latch = runs.newLatch();
    const task = await cluster.client.submit({
      type: 'toy',
      meta: { subtasks: 2, runsFile: runs.path, hookLatch: latch.path, ...meta },
    });
    const noted = () => runs.lines(task.id).filter((line) => line.endsWith(hook));
    await waitUntil(
      () => Promise.resolve(noted()),
      (lines) => lines.length > 0,
      { what: `${hook} to have done its part` },
    );
    await arm('settle.before');
    latch.open();
    await replaceVictim('settle.before');
    expect((await task.wait(deadline())).task).toMatchObject(end);
    expect(noted()).toEqual([`0/1 ${hook}`, `0/2 ${hook}`]);
    const ends: string[] = [];
    for await (const { kind, to } of task.events()) if (to === end.state) ends.push(kind);
    expect(ends).toEqual([hook === 'finish' ? 'finish' : 'undo']);
  });

  it.each(['effect.before-commit', 'effect.after-commit'] as const)(
    '%s leaves every row of an import once',
    async (name) => {
      await store.rows('DROP TABLE IF EXISTS public.demo_rows');
      await createTable(cluster.cluster.databaseUrl);
      await arm(name);
      const task = await cluster.client.submit({
        type: 'import',
        meta: { connection: 'target', table: 'demo_rows', files: csv.path, header: true, chunkBytes: 65_536 },
      });
      await replaceVictim(name);
      const ended = await task.wait(deadline());
      expect(ended.task).toMatchObject({ state: 'succeed', result: { rows: ROWS } });
      expect(await proveRows(cluster.cluster.databaseUrl, csv)).toMatchObject({ holds: true });
    },
  );
});

it('leaves nothing of these tasks behind but history', async () => {
  const left = await waitUntil(
    () => store.rows('SELECT id, kind, state FROM subtasks UNION ALL SELECT id, type, state FROM tasks'),
    (rows) => rows.length === 0,
    { what: 'the archive' },
  );
  expect(left).toEqual([]);
  expect(await store.deadlocks()).toBe(0);
});
