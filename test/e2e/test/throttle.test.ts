import type { SubmitRequest, TaskDetail, TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { StoreSession } from '../src/store-session.ts';
import { deadline, killAndRestart, startToyCluster } from '../src/toy-cluster.ts';

let cluster: TestCluster;
let store: StoreSession;
beforeAll(async () => {
  cluster = await startToyCluster({ executors: 2, slots: 4, connectStoreAs: 'main', gateRole: 'reader' });
  store = new StoreSession(cluster.cluster.databaseUrl);
  await store.rows('CREATE TABLE public.switch (is_on boolean)');
  await store.rows(`CREATE ROLE reader LOGIN PASSWORD 'reader'`);
  await store.rows('GRANT SELECT ON public.switch TO reader');
});
afterAll(() => cluster.stop());
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

const submit = (request: Partial<SubmitRequest>, meta: Record<string, unknown>) =>
  cluster.client.submit({ type: 'toy', slots: 4, slotsPerSubtask: 1, ...request, meta });

const GATE = {
  kind: 'query',
  connection: 'main',
  name: 'switch',
  sql: 'SELECT bool_and(is_on) FROM public.switch',
} as const;
const turn = async (isOn: boolean): Promise<void> => {
  await store.rows('DELETE FROM public.switch');
  await store.rows('INSERT INTO public.switch VALUES ($1)', [isOn]);
};

const untilWaiting = (task: TaskHandle, code: string): Promise<TaskDetail> =>
  waitUntil(
    () => task.get(),
    (detail) => detail.waiting?.some((one) => one.code === code) === true,
    { what: `subtasks that wait for ${code}` },
  );

const reasonOf = (detail: TaskDetail, code: string) => detail.waiting?.find((one) => one.code === code)?.message;

it('holds its budget over all nodes, and says that it waits for it', async () => {
  // Twelve subtasks of 50 rows at 100 rows a second: a burst of 100, then the rest by the second.
  const task = await submit({ throttle: { rows: 100 } }, { subtasks: 12, sleepMs: 0, costRows: 50 });
  const waiting = await untilWaiting(task, 'THROTTLED');
  expect(waiting.waiting?.[0]).toMatchObject({ message: "the task's budget is 100 rows/s" });
  expect(waiting.task.throttle).toEqual({ rows: 100 });
  const { task: ended } = await task.wait(deadline());
  expect(ended).toMatchObject({ state: 'succeed', result: { total: 12 } });
  const [times] = await store.rows<{ seconds: number }>(
    `SELECT extract(epoch FROM max(ended_at) - min(started_at))::float8 AS seconds FROM subtask_history
     WHERE task_id = $1 AND kind = 'work' AND step = 'sleep'`,
    [task.id],
  );
  // By the database's clock; less would be more than 100 rows a second and two bursts.
  expect(times?.seconds).toBeGreaterThan(4);
});

it('starts no batch while a gate is closed, lets none in before it was read, and goes on when it opens', async () => {
  await turn(false);
  const task = await submit({ gates: [GATE] }, { subtasks: 6, sleepMs: 0 });
  const held = await untilWaiting(task, 'GATE_CLOSED');
  expect(reasonOf(held, 'GATE_CLOSED')).toBe('the gate switch of main is closed');
  expect(held.steps[0]?.subtasks.succeeded).toBe(0);
  await turn(true);
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 6 } });
  const archived = await waitUntil(
    () => task.get(),
    (detail) => detail.task.isArchived,
    { what: 'the archive' },
  );
  expect(archived.controls).toEqual([]);
});

it('holds and says so when a gate cannot be read', async () => {
  const task = await submit({ gates: [{ ...GATE, connection: 'nowhere' }] }, { subtasks: 2, sleepMs: 0 });
  const held = await untilWaiting(task, 'GATE_UNREADABLE');
  expect(reasonOf(held, 'GATE_UNREADABLE')).toContain('has no connection "nowhere"');
  await task.cancel();
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
});

it('goes on reading the gates elsewhere when the node that read them dies', async () => {
  await turn(false);
  const task = await submit({ gates: [GATE] }, { subtasks: 4, sleepMs: 0 });
  const { controls } = await untilWaiting(task, 'GATE_CLOSED');
  const reader = controls.find(({ kind }) => kind === 'gates');
  await killAndRestart(cluster, reader?.node ?? '');
  await turn(true);
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
});

it('refuses a budget and gates that say nothing, and names the field', async () => {
  await expect(submit({ throttle: {} }, {})).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: expect.stringContaining('throttle') as string,
  });
  await expect(submit({ gates: [{ ...GATE, sql: '' }] }, {})).rejects.toMatchObject({
    message: expect.stringContaining('gates.0.sql') as string,
  });
});
