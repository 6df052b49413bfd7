import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { PlannedFaults } from '../src/planned-faults.ts';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, startToyCluster, untilRunning } from '../src/toy-cluster.ts';

/** Transactions that are held open until a cancel has come. */
const PLAN = {
  claim: { at: 'claim.before-commit', do: 'hold' },
  settle: { at: 'settle.before-commit', do: 'hold' },
  page: { at: 'plan.page-before-commit', do: 'hold' },
} as const;
let runs: RunsFile;
let faults: PlannedFaults<keyof typeof PLAN>;
let cluster: TestCluster;
let store: StoreSession;

beforeAll(async () => {
  runs = await RunsFile.make();
  faults = await PlannedFaults.plan(PLAN);
  cluster = await startToyCluster({ executors: 2, env: faults.env });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([faults.remove(), runs.remove()]);
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));
afterEach(() => Promise.all((Object.keys(PLAN) as (keyof typeof PLAN)[]).map((name) => faults.disarm(name))));

const submitToy = (meta: Record<string, unknown>) =>
  cluster.client.submit({ type: 'toy', slots: 2, slotsPerSubtask: 1, meta: { runsFile: runs.path, ...meta } });

type Task = Awaited<ReturnType<typeof submitToy>>;

/** Work of a task with the attempts that were made of it, active or archived. */
async function attemptsOf(task: Task): Promise<ReadonlyMap<string, number>> {
  const rows = await store.rows<{ id: string; attempt: number }>(
    `SELECT id, attempt FROM subtasks WHERE task_id = $1 AND kind = 'work' AND attempt > 0
     UNION ALL SELECT id, attempt FROM subtask_history WHERE task_id = $1 AND kind = 'work' AND attempt > 0`,
    [task.id],
  );
  return new Map(rows.map(({ id, attempt }) => [id, attempt]));
}

interface CancelProgress {
  readonly waits: boolean;
  readonly state: string;
}

/** Cancels a task while a transaction is held open, which goes on once the cancel has got this far. */
async function cancelWhileHeld(
  task: Task,
  fault: keyof typeof PLAN,
  isFarEnough: (cancel: CancelProgress) => boolean,
): Promise<void> {
  const look = async (): Promise<CancelProgress | undefined> => {
    const [row] = await store.rows<CancelProgress>(
      `SELECT state, EXISTS (SELECT FROM pg_stat_activity
         WHERE application_name LIKE 'longshore-owner%' AND wait_event_type = 'Lock') AS waits
       FROM tasks WHERE id = $1`,
      [task.id],
    );
    return row;
  };
  const letGo = async (): Promise<void> => {
    await waitUntil(look, (row) => row !== undefined && isFarEnough(row), { what: 'the cancel' });
    await faults.disarm(fault);
  };
  await Promise.all([task.cancel(), letGo()]);
}

const itWaits = ({ waits }: CancelProgress): boolean => waits;
/** A settlement has the task's row only where it claims too; without that the cancel may even be past its first state. */
const itWaitsOrIsDone = ({ waits, state }: CancelProgress): boolean => waits || state !== 'running';

async function expectCanceled(task: Task): Promise<void> {
  const ended = await task.wait(deadline());
  expect(ended.task).toMatchObject({ state: 'reverted', outcome: 'canceled', error: { code: 'TASK_CANCELED' } });
  await waitUntil(
    () => task.get(),
    (detail) => detail.task.isArchived,
    { what: 'the archive' },
  );
  const left = await store.rows(
    `SELECT id, state FROM subtasks WHERE task_id = $1
     UNION ALL SELECT id, state FROM subtask_history WHERE task_id = $1 AND state NOT IN ('succeed', 'failed', 'canceled')`,
    [task.id],
  );
  expect(left).toEqual([]);
  expect(runs.doubledAttempts(task.id)).toEqual([]);
}

describe('a cancel that comes while', () => {
  /** Seen to fail with a claim that reads the task without its lock: it commits after the cancel, and more rows were claimed. */
  it('a claim is open waits for it, and nothing is claimed after', async () => {
    const latch = runs.newLatch();
    const task = await submitToy({ subtasks: 100, sleepMs: 300, latches: [latch.path] });
    await runs.untilStarted(task.id, 4);
    await faults.arm('claim');
    latch.open();
    await faults.happened('claim');
    await cancelWhileHeld(task, 'claim', itWaits);
    const atCancel = await attemptsOf(task);
    await expectCanceled(task);
    expect(await attemptsOf(task)).toEqual(atCancel);
  });

  it('results are being written leaves each subtask with one end', async () => {
    const latch = runs.newLatch();
    const task = await submitToy({ subtasks: 100, sleepMs: 300, latches: [latch.path] });
    await runs.untilStarted(task.id, 4);
    await faults.arm('settle');
    latch.open();
    await faults.happened('settle');
    await cancelWhileHeld(task, 'settle', itWaitsOrIsDone);
    await expectCanceled(task);
    // What was being written is done, not canceled: it had ended before anybody wanted it to stop.
    const ended = runs.ends(task.id);
    const done = await store.rows<{ ordinal: number }>(
      `SELECT ordinal FROM subtask_history WHERE task_id = $1 AND step = 'sleep' AND kind = 'work' AND state = 'succeed' ORDER BY ordinal`,
      [task.id],
    );
    expect(done.map(({ ordinal }) => ordinal)).toEqual(ended.map(({ ordinal }) => ordinal).toSorted((a, b) => a - b));
  });

  /** Seen to fail with a page that doesn't take the task's row: the cancel is over first, and the page is written after it. */
  it('a page of a plan is open waits for it, and no page follows', async () => {
    const latch = runs.newLatch();
    const task = await submitToy({ subtasks: 5_000, planLatch: { path: latch.path, after: 1_500 } });
    const rowsOf = async (): Promise<number> => {
      const [row] = await store.rows<{ n: number }>(
        `SELECT count(*)::int AS n FROM subtasks WHERE task_id = $1 AND kind = 'work'`,
        [task.id],
      );
      return row?.n ?? 0;
    };
    await waitUntil(rowsOf, (rows) => rows > 0, { what: 'a page' });
    await faults.arm('page');
    latch.open();
    await faults.happened('page');
    const before = await rowsOf();
    // The owner ends pending rows in their order right after the cancel: it has to wait until they are counted.
    const firstRow = `SELECT 1 FROM subtasks WHERE task_id = $1 AND kind = 'work' ORDER BY id LIMIT 1 FOR UPDATE`;
    const after = await store.whileLocked(firstRow, [task.id], async () => {
      await cancelWhileHeld(task, 'page', itWaits);
      return rowsOf();
    });
    expect(after).toBeGreaterThan(before);
    await expectCanceled(task);
    expect(runs.starts(task.id)).toEqual([]);
  });

  it.each(['before its plan has ended', 'while subtasks run'])(
    'another cancel comes, %s, is one cancel',
    async (when) => {
      const task = await submitToy(
        when.startsWith('before') ? { subtasks: 500, planMs: 60_000 } : { subtasks: 20, sleepMs: 60_000 },
      );
      if (when.startsWith('before'))
        await waitUntil(
          () => task.get(),
          (detail) => detail.controls[0]?.state === 'running',
          { what: 'a running plan' },
        );
      else await untilRunning(task, 4);
      const replies = await Promise.all(Array.from({ length: 5 }, () => task.cancel()));
      expect(replies.filter((reply) => reply.changed)).toHaveLength(1);
      await expectCanceled(task);
      const events = await store.rows(`SELECT seq FROM task_events WHERE task_id = $1 AND kind = 'cancel'`, [task.id]);
      expect(events).toHaveLength(1);
    },
  );
});

it('deadlocks with nobody', async () => {
  expect(await store.deadlocks()).toBe(0);
});
