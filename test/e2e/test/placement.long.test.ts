import type { TaskHandle } from '@longshore/client';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { deadline, startToyCluster, TOY, TOY_PLACED } from '../src/toy-cluster.ts';

/** Scope and labels of the executors, by their numbers from 1. Those that join later are in `lab`. */
const EXECUTORS: readonly { readonly scope: string; readonly labels: string }[] = [
  { scope: 'lab', labels: 'zone=a,data=yes,disk=ssd' },
  { scope: 'lab', labels: 'zone=b' },
  { scope: 'background', labels: 'zone=a' },
  { scope: '', labels: 'zone=a' },
];

/** For subtasks that run until their task is cancelled. */
const ENDLESS_MS = 600_000;

const JOINING = { scope: 'lab', labels: '' };

const envOf = ({ scope, labels }: { readonly scope: string; readonly labels: string }): Record<string, string> => ({
  LONGSHORE_SCOPE: scope,
  LONGSHORE_LABELS: labels,
});

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startToyCluster({
    plugins: [TOY, TOY_PLACED],
    executors: EXECUTORS.length,
    executorEnv: (number) => envOf(EXECUTORS[number - 1] ?? JOINING),
  });
});
afterAll(() => cluster.stop());
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** Starts another executor of the scope `lab`. @returns its node's id, which is live. */
async function join(labels: string): Promise<string> {
  const { name } = await cluster.cluster.addExecutor(envOf({ ...JOINING, labels }));
  await waitUntil(
    () => cluster.client.nodes(),
    (nodes) => nodes.some((node) => node.id === name && node.state === 'live'),
    { what: `${name} to be live` },
  );
  return name;
}

/** The nodes that a task's first step ran on, when it has succeeded. */
async function ranOn(task: TaskHandle): Promise<string[]> {
  expect((await task.wait(deadline())).task.state).toBe('succeed');
  const nodes = new Set<string>();
  for await (const subtask of task.subtasks()) {
    if (subtask.kind === 'work' && subtask.step === 'sleep') nodes.add(subtask.node);
  }
  return [...nodes].toSorted();
}

/** Waits until a task says that it waits for this. @returns its words. */
async function waitsFor(task: TaskHandle, code: string): Promise<string> {
  const { task: waiting } = await waitUntil(
    () => task.get(),
    (detail) => detail.task.waiting?.code === code,
    { what: `the task to wait: ${code}` },
  );
  return waiting.waiting?.message ?? '';
}

/** Waits until subtasks of a task run on these nodes and on no others. */
async function untilRunningOn(task: TaskHandle, nodes: readonly string[]): Promise<void> {
  const running = async (): Promise<string[]> => {
    const found = new Set<string>();
    for await (const { kind, state, node } of task.subtasks()) {
      if (kind === 'work' && state === 'running') found.add(node);
    }
    return [...found].toSorted();
  };
  await waitUntil(running, (found) => found.join() === nodes.join(), { what: `work on ${nodes.join(', ')}` });
}

/** What the events of a task say of subtasks that failed. */
async function failuresOf(task: TaskHandle): Promise<(string | null)[]> {
  const failures: (string | null)[] = [];
  for await (const event of task.events()) if (event.kind === 'subtask-failed') failures.push(event.message);
  return failures;
}

it('nodes are shown with their labels', async () => {
  const nodes = await cluster.client.nodes();
  expect(nodes.find((node) => node.id === 'executor-1')).toMatchObject({
    scope: 'lab',
    labels: { zone: 'a', data: 'yes', disk: 'ssd' },
  });
});

describe('a task without a scope', () => {
  const meta = { subtasks: 6, sleepMs: 10 };

  it('runs on background nodes alone where there is one', async () => {
    expect(await ranOn(await cluster.client.submit({ type: 'toy', meta }))).toEqual(['executor-3']);
    expect(await ranOn(await cluster.client.submit({ type: 'toy', scope: 'background', meta }))).toEqual([
      'executor-3',
    ]);
  });
});

describe('label selectors', () => {
  const meta = { subtasks: 6, sleepMs: 10 };

  it('decide where the subtasks of a task run, hooks included', async () => {
    const task = await cluster.client.submit({
      type: 'toy',
      scope: 'lab',
      selectors: [{ label: 'zone', op: 'in', values: ['b', 'z'] }],
      meta,
    });
    expect(await ranOn(task)).toEqual(['executor-2']);
    const nodes = new Set<string>();
    for await (const subtask of task.subtasks()) nodes.add(subtask.node);
    expect([...nodes]).toEqual(['executor-2']);
    expect((await task.get()).task.selectors).toEqual([{ label: 'zone', op: 'in', values: ['b', 'z'] }]);
  });

  it('that no node fits are named by the task that waits, until one joins', async () => {
    const task = await cluster.client.submit({
      type: 'toy',
      scope: 'lab',
      selectors: [{ label: 'rack', op: '=', value: '9' }],
      meta,
    });
    expect(await waitsFor(task, 'NO_NODE_FITS')).toContain('"rack = 9"');
    const node = await join('rack=9');
    expect(await ranOn(task)).toEqual([node]);
  });
});

// Seen to fail without a reason for hooks: a task whose last node was gone hung in its undoing, and said nothing.
it('a task that is undone says which node its hooks wait for, and can be ended by force', async () => {
  const node = await join('rack=10');
  const task = await cluster.client.submit({
    type: 'toy',
    scope: 'lab',
    selectors: [{ label: 'rack', op: '=', value: '10' }],
    meta: { subtasks: 1, sleepMs: ENDLESS_MS },
  });
  await untilRunningOn(task, [node]);
  cluster.cluster.processes.get(node)?.kill('SIGKILL');
  await task.cancel();
  expect(await waitsFor(task, 'NO_NODE_FITS')).toContain('"rack = 10"');
  expect((await task.get()).task.state).toBe('reverting');
  await task.cancel({ force: true });
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled', waiting: null });
});

describe('a task type that says where it runs', () => {
  const submit = (meta: { label: string; [name: string]: unknown }): Promise<TaskHandle> =>
    cluster.client.submit({ type: 'toy-placed', scope: 'lab', meta });

  // Seen to fail with a placement that is asked for once: the node that joined gets nothing.
  it('is asked again when a node joins, and goes there too', async () => {
    const task = await submit({ label: 'data', sleepMs: ENDLESS_MS });
    await untilRunningOn(task, ['executor-1']);
    const node = await join('data=yes');
    await untilRunningOn(task, ['executor-1', node]);
    expect((await task.get()).task.nodes).toEqual(['executor-1', node]);
    await task.cancel();
    await task.wait(deadline());
  });

  it('waits while no node fits, and runs on the one that joins', async () => {
    const task = await submit({ label: 'gpu' });
    expect(await waitsFor(task, 'NO_NODE_FITS')).toContain('toy-placed');
    const node = await join('gpu=1');
    expect(await ranOn(task)).toEqual([node]);
  });

  it('goes on where it was when it cannot say, which its events tell', async () => {
    const task = await submit({ label: 'disk', trap: 'trap', sleepMs: ENDLESS_MS });
    await untilRunningOn(task, ['executor-1']);
    await join('disk=ssd,trap=set');
    const failures = await waitUntil(
      () => failuresOf(task),
      (messages) => messages.length > 0,
      { what: 'the event of a placement that failed' },
    );
    expect(failures).toEqual(['TOY_PLACE: a node has the label trap']);
    // The answer is taken, and the task is neither failed by it nor asked again.
    const { task: after } = await waitUntil(
      () => task.get(),
      (detail) => detail.controls.length === 0,
      { what: 'the failure to be taken' },
    );
    expect(after).toMatchObject({ state: 'running', nodes: ['executor-1'], waiting: null });
    await task.cancel();
    await task.wait(deadline());
    expect(await failuresOf(task)).toHaveLength(1);
  });
});

it('a task of at most one node stays on it when others join', async () => {
  const task = await cluster.client.submit({
    type: 'toy',
    scope: 'lab',
    selectors: [{ label: 'zone', op: 'exists' }],
    maxNodes: 1,
    meta: { subtasks: 4, sleepMs: ENDLESS_MS },
  });
  const { task: before } = await waitUntil(
    () => task.get(),
    (detail) => detail.steps[0]?.subtasks.running === 1,
    { what: 'its first subtask to run' },
  );
  expect(before.nodes).toHaveLength(1);
  const node = await join('zone=c');
  // When another task has run there, the owner has decided with this node in sight.
  const witness = await cluster.client.submit({
    type: 'toy',
    scope: 'lab',
    selectors: [{ label: 'zone', op: '=', value: 'c' }],
    meta: { subtasks: 2 },
  });
  expect(await ranOn(witness)).toEqual([node]);
  expect((await task.get()).task).toMatchObject({ state: 'running', nodes: before.nodes });
  await task.cancel();
  await task.wait(deadline());
});
