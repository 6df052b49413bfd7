import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { PlannedFaults } from '../src/planned-faults.ts';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, killAndRestart, processOf, startToyCluster } from '../src/toy-cluster.ts';

/**
 * "A non-idempotent subtask never runs twice, whatever is killed." The file that the subtasks write is the proof. Seen to fail with a
 * sweep that frees rows of such subtasks as pending, with a runner's crash that is tried again, and with a result that could not be
 * written whose row is given back.
 */
const PLAN = {
  claimed: { at: 'claim.after-commit', do: 'kill' },
  starting: { at: 'hook.before', do: 'kill' },
  ended: { at: 'settle.before', do: 'kill' },
  // The plan's end has made its step current and claimed of it, and is answered after this node looked for what it doesn't know.
  'answered-late': { at: 'settle.after-commit', do: 'hold' },
  'claimed-late': { at: 'claim.after-commit', do: 'hold' },
  // One for each executor: no look begins before the claim is held.
  'look-1': { at: 'reconcile.before', do: 'hold' },
  'look-2': { at: 'reconcile.before', do: 'hold' },
  // Tells only that the look has found something.
  asked: { at: 'reconcile.asked', do: 'delay', ms: 0 },
  // As often as a batch of results is tried.
  'write-1': { at: 'settle.before', do: 'fail' },
  'write-2': { at: 'settle.before', do: 'fail' },
  'write-3': { at: 'settle.before', do: 'fail' },
  'write-4': { at: 'settle.before', do: 'fail' },
  'write-5': { at: 'settle.before', do: 'fail' },
} as const;
const LOOKS = ['look-1', 'look-2'] as const;
const WRITES = ['write-1', 'write-2', 'write-3', 'write-4', 'write-5'] as const;
let runs: RunsFile;
let faults: PlannedFaults<keyof typeof PLAN>;
let cluster: TestCluster;
let store: StoreSession;

beforeAll(async () => {
  runs = await RunsFile.make();
  faults = await PlannedFaults.plan(PLAN);
  cluster = await startToyCluster({
    executors: 2,
    env: { ...faults.env, LONGSHORE_SLOT_MEMORY_MB: '64', LONGSHORE_RECONCILE_MS: '50' },
  });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([faults.remove(), runs.remove()]);
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));
afterEach(() => Promise.all((Object.keys(PLAN) as (keyof typeof PLAN)[]).map((name) => faults.disarm(name))));

const submitOnce = (meta: Record<string, unknown> = {}) =>
  cluster.client.submit({
    type: 'toy-once',
    slots: 2,
    slotsPerSubtask: 1,
    meta: { subtasks: 20, sleepMs: 100, runsFile: runs.path, ...meta },
  });

/** Waits until no task before is active. */
async function untilHistoryIsAll(): Promise<void> {
  await waitUntil(
    () => cluster.client.list({}),
    ({ tasks }) => tasks.length === 0,
    { what: 'the tasks before to be in history' },
  );
}

/** From now on no executor begins to look for rows that it doesn't know. */
async function holdLooks(): Promise<void> {
  for (const look of LOOKS) await faults.arm(look);
  for (const look of LOOKS) await faults.happened(look);
}

/** Waits for a held claim, lets all look, and lets the claim be answered once its node has found what it brings. */
async function lookWhileClaiming(claim: 'answered-late' | 'claimed-late'): Promise<void> {
  const claimer = await faults.happened(claim);
  await faults.arm('asked');
  for (const look of LOOKS) await faults.disarm(look);
  expect(await faults.happened('asked')).toBe(claimer);
  await faults.disarm(claim);
}

describe('a subtask that may not run again runs at most once', () => {
  it('when nothing is lost: each exactly once', async () => {
    const task = await submitOnce();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 20 } });
    expect(runs.starts(task.id)).toHaveLength(20);
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
  });

  // Seen to be reverted with NODE_LOST, both: its node gave back what it had just got.
  it("and runs, when the plan's end that claims it is answered late", async () => {
    await untilHistoryIsAll();
    await holdLooks();
    await faults.arm('answered-late');
    // What was just claimed must not end before it could be given back.
    const latch = runs.newLatch();
    const task = await submitOnce({ subtasks: 4, sleepMs: 0, latches: [latch.path] });
    await lookWhileClaiming('answered-late');
    await runs.untilStarted(task.id, 4);
    latch.open();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
    expect(runs.starts(task.id)).toHaveLength(4);
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
  });

  it('and runs, when the claim that brings it is answered late', async () => {
    await untilHistoryIsAll();
    const latch = runs.newLatch();
    // One node, so that no other one has claims under way that its own look could find.
    const task = await cluster.client.submit({
      type: 'toy-once',
      slots: 2,
      slotsPerSubtask: 1,
      maxNodes: 1,
      meta: { subtasks: 40, sleepMs: 0, latches: [latch.path], runsFile: runs.path },
    });
    // The plan and its first work are claimed by then. What is claimed later is work.
    await runs.untilStarted(task.id, 2);
    await holdLooks();
    await faults.arm('claimed-late');
    latch.open();
    await lookWhileClaiming('claimed-late');
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 40 } });
    expect(runs.starts(task.id)).toHaveLength(40);
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
  });

  it.each(['claimed', 'starting', 'ended'] as const)('when its executor is killed after it has %s', async (name) => {
    // The plan's own hook must not meet the fault: it may run again, and the task would lose nothing.
    const latch = runs.newLatch();
    const task = await submitOnce({ sleepMs: 0, subtasks: 40, latches: [latch.path] });
    await runs.untilStarted(task.id, 2);
    await faults.arm(name);
    latch.open();
    const victim = processOf(cluster, await faults.happened(name));
    await victim.exited;
    await cluster.cluster.restart(victim.name);
    expect((await task.wait(deadline())).task).toMatchObject({
      state: 'reverted',
      outcome: 'failed',
      error: { code: 'NODE_LOST', permanent: true },
    });
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
  });

  it('when its executor is killed in the middle of it', async () => {
    const latch = runs.newLatch();
    const task = await submitOnce({ sleepMs: 0, subtasks: 8, latches: [latch.path] });
    await runs.untilStarted(task.id, 4);
    await killAndRestart(cluster, 'executor-1');
    latch.open();
    expect((await task.wait(deadline())).task).toMatchObject({ outcome: 'failed', error: { code: 'NODE_LOST' } });
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
  });

  it.each([
    ['ends its worker thread', { exitOnce: [3] }, /exited with code 3/],
    ['outgrows its memory', { overflowOnce: [3] }, /memory|MiB/],
  ])('when it %s', async (_, meta, message) => {
    const task = await submitOnce(meta);
    expect((await task.wait(deadline())).task).toMatchObject({
      outcome: 'failed',
      error: { code: 'RUNNER_CRASHED', message: expect.stringMatching(message) },
    });
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
  });

  it('when its result cannot be written', async () => {
    // Nothing else may be written meanwhile, such as the clean-up of a task before.
    await untilHistoryIsAll();
    // One executor, so that the faults meet the same results again and again.
    const latch = runs.newLatch();
    const task = await cluster.client.submit({
      type: 'toy-once',
      maxNodes: 1,
      meta: { subtasks: 2, sleepMs: 0, latches: [latch.path], runsFile: runs.path },
    });
    await runs.untilStarted(task.id, 1);
    await Promise.all(WRITES.map((name) => faults.arm(name)));
    latch.open();
    await Promise.all(WRITES.map((name) => faults.happened(name)));
    expect((await task.wait(deadline())).task).toMatchObject({ outcome: 'failed', error: { code: 'NODE_LOST' } });
    expect(runs.doubledOrdinals(task.id)).toEqual([]);
  });
});

// The fence of a revert and the end of a task are worth nothing if something of it still runs.
it('nothing of these tasks is left but history', async () => {
  await waitUntil(
    () => store.rows('SELECT id, kind, state FROM subtasks UNION ALL SELECT id, type, state FROM tasks'),
    (rows) => rows.length === 0,
    { what: 'the archive' },
  );
  expect(await store.deadlocks()).toBe(0);
});
