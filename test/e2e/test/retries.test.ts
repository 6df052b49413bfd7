import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { deadline, startToyCluster, untilRunning } from '../src/toy-cluster.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startToyCluster();
});
afterAll(() => cluster.stop());
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

it('a retry that waits keeps no slot: the others go on, and the task says what it waits for', async () => {
  const task = await cluster.client.submit({
    type: 'toy',
    retry: { initialMs: 3_600_000, maxMs: 3_600_000 },
    meta: { subtasks: 6, failOnce: [1], sleepMs: 0 },
  });
  const waiting = await waitUntil(
    () => task.get(),
    (detail) => detail.steps[0]?.subtasks.succeeded === 5 && detail.steps[0].subtasks.running === 0,
    { what: 'all others to be done' },
  );
  expect(waiting.waiting).toMatchObject([{ code: 'RETRY', subtasks: 1 }]);
  await task.cancel();
  await task.wait(deadline());
});

it('a submit says how often and after which errors not', async () => {
  const submit = (retry: object, meta: object) =>
    cluster.client.submit({ type: 'toy', retry, meta: { subtasks: 1, ...meta } });
  const once = await submit({ maxFailures: 1 }, { failOnce: [1] });
  expect((await once.wait(deadline())).task).toMatchObject({ state: 'reverted', error: { code: 'SUBTASK_FAILED' } });
  const never = await submit({ nonRetryableCodes: ['SUBTASK_FAILED'] }, { failOnce: [1] });
  expect((await never.wait(deadline())).task).toMatchObject({ state: 'reverted' });
  const twice = await submit({ maxFailures: 2 }, { failOnce: [1] });
  expect((await twice.wait(deadline())).task).toMatchObject({ state: 'succeed' });
});

it('a deadline ends a task like a failure, and rests while it is paused', async () => {
  const task = await cluster.client.submit({
    type: 'toy',
    deadlineMs: 3_600_000,
    meta: { subtasks: 2, sleepMs: 60_000 },
  });
  await untilRunning(task, 1);
  await task.pause();
  const paused = await task.wait({ ...deadline(), until: (snapshot) => snapshot.task.state === 'paused' });
  expect(paused.task.deadlineAt).toBeNull();
  await task.modify({ deadlineMs: 1 });
  expect((await task.get()).task.state).toBe('paused');
  await task.resume();
  const ended = await task.wait(deadline());
  expect(ended.task).toMatchObject({ state: 'reverted', outcome: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
});

it('a subtask that runs for too long, or makes no progress, is stopped and tried again', async () => {
  const slow = await cluster.client.submit({
    type: 'toy',
    subtaskTimeoutMs: 300,
    retry: { maxFailures: 2, initialMs: 10 },
    meta: { subtasks: 1, sleepMs: 60_000 },
  });
  expect((await slow.wait(deadline())).task).toMatchObject({ state: 'reverted', error: { code: 'SUBTASK_TIMEOUT' } });
  const stalled = await cluster.client.submit({
    type: 'toy',
    stallTimeoutMs: 300,
    retry: { maxFailures: 1 },
    meta: { subtasks: 1, sleepMs: 60_000 },
  });
  expect((await stalled.wait(deadline())).task).toMatchObject({ error: { code: 'SUBTASK_STALLED' } });
  // One that saves checkpoints is alive.
  const alive = await cluster.client.submit({
    type: 'toy',
    stallTimeoutMs: 5_000,
    retry: { maxFailures: 1 },
    meta: { subtasks: 1, sleepMs: 8_000, parts: 40 },
  });
  expect((await alive.wait(deadline())).task.state).toBe('succeed');
});
