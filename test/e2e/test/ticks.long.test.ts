import type { SubmitRequest, TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, startToyCluster, TOY_TICKING, untilRunning } from '../src/toy-cluster.ts';

let runs: RunsFile;
let cluster: TestCluster;
beforeAll(async () => {
  runs = await RunsFile.make();
  cluster = await startToyCluster({ executors: 2, slots: 2, plugins: [TOY_TICKING] });
});
afterAll(async () => {
  await cluster.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

const submit = (meta: Record<string, unknown>, request: Partial<SubmitRequest> = {}) =>
  cluster.client.submit({ type: 'toy-ticking', slots: 2, ...request, meta: { runsFile: runs.path, ...meta } });

const hooksOf = ({ id }: TaskHandle): readonly string[] =>
  runs.notes(id).flatMap(({ ordinal, what }) => (ordinal === 0 ? [what.replace(/-on-.*/, '')] : []));
const ticksOf = ({ id }: TaskHandle, node = ''): number =>
  runs.notes(id).filter(({ what }) => what.startsWith(`tick-on-${node}`)).length;

/** Waits for some more calls from now on. @param node where. Default: anywhere. */
async function untilMoreTicks(task: TaskHandle, node = ''): Promise<void> {
  const before = ticksOf(task, node);
  await waitUntil(
    () => Promise.resolve(ticksOf(task, node)),
    (ticks) => ticks >= before + 3,
    { what: `ticks on ${node || 'any node'}` },
  );
}

const untilState = (task: TaskHandle, state: string) =>
  task.wait({ ...deadline(), until: (snapshot) => snapshot.task.state === state });

/** The node that calls the task's `onTick`, and the other one. */
async function nodesOf(task: TaskHandle): Promise<{ readonly ticking: string; readonly other: string }> {
  const { controls } = await waitUntil(
    () => task.get(),
    (detail) => detail.controls.some(({ kind, state }) => kind === 'tick' && state === 'running'),
    { what: 'a running tick' },
  );
  const ticking = controls.find(({ kind }) => kind === 'tick')?.node ?? '';
  const names = [...cluster.cluster.processes.keys()].filter((name) => name.startsWith('executor-'));
  return { ticking, other: names.find((name) => name !== ticking) ?? '' };
}

async function kill(name: string): Promise<void> {
  const process = cluster.cluster.processes.get(name);
  process?.kill('SIGKILL');
  await process?.exited;
}

/** Nothing is kept alive any more by the time that the first of these hooks begins. */
function expectTicksBefore(task: TaskHandle, ...ending: readonly string[]): void {
  const hooks = hooksOf(task);
  const ended = hooks.findIndex((hook) => ending.includes(hook));
  expect(ended, hooks.join()).toBeGreaterThan(0);
  expect(hooks.slice(ended), hooks.join()).not.toContain('tick');
}

it('is called while the task runs, keeps no step open, and has ended before the clean-up', async () => {
  const task = await submit({ subtasks: 4, sleepMs: 300 });
  await untilMoreTicks(task);
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 4 } });
  const archived = await waitUntil(
    () => task.get(),
    (detail) => detail.task.isArchived,
    { what: 'the archive' },
  );
  expect(archived.controls).toEqual([]);
  expect(hooksOf(task)).toContain('finish');
  expectTicksBefore(task, 'clean');
});

it('goes on elsewhere when its node is killed, and ends before the task is undone', async () => {
  const task = await submit({ subtasks: 4, sleepMs: 600_000 });
  const { ticking, other } = await nodesOf(task);
  await untilMoreTicks(task, ticking);
  await kill(ticking);
  await untilMoreTicks(task, other);
  await cluster.cluster.restart(ticking);
  await task.cancel();
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  expectTicksBefore(task, 'revert', 'clean');
});

it('rests while the task is paused', async () => {
  const task = await submit({ subtasks: 2, sleepMs: 600_000 });
  await untilMoreTicks(task);
  await task.pause();
  await untilState(task, 'paused');
  const { controls } = await task.get();
  expect(controls).toMatchObject([{ kind: 'tick', state: 'paused' }]);
  const before = ticksOf(task);
  // Another task's calls go on meanwhile.
  const running = await submit({ subtasks: 1, sleepMs: 600_000 });
  await untilMoreTicks(running);
  expect(ticksOf(task)).toBe(before);
  await task.resume();
  await untilMoreTicks(task);
  for (const one of [task, running]) await one.cancel();
  for (const one of [task, running]) await one.wait(deadline());
});

it('goes on while the task awaits resolution, also when its node is killed then', async () => {
  const task = await submit({ subtasks: 2, failAlways: [1] }, { onFailure: 'hold' });
  await untilState(task, 'awaiting-resolution');
  const { ticking, other } = await nodesOf(task);
  await untilMoreTicks(task, ticking);
  await kill(ticking);
  await untilMoreTicks(task, other);
  expect((await task.get()).task.state).toBe('awaiting-resolution');
  await cluster.cluster.restart(ticking);
  await task.revert();
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'failed' });
  expectTicksBefore(task, 'revert', 'clean');
});

it('goes on while the revert waits for what a lost node still has', async () => {
  const task = await submit({ subtasks: 2, sleepMs: 600_000 });
  await untilRunning(task, 2);
  const { other } = await nodesOf(task);
  // It has one of the subtasks: the revert waits until the node is declared dead.
  await kill(other);
  await task.cancel();
  await untilState(task, 'reverting');
  await untilMoreTicks(task);
  expect((await task.get()).task.state).toBe('reverting');
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  expectTicksBefore(task, 'revert', 'clean');
  await cluster.cluster.restart(other);
});

it('fails the task with a permanent error', async () => {
  const task = await submit({ subtasks: 1, sleepMs: 600_000, failHooks: ['tick'] });
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', error: { code: 'TOY_TICK' } });
});
