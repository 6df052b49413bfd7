import { fileURLToPath } from 'node:url';
import type { TaskHandle } from '@longshore/client';
import type { ChildProcessHandle } from '@longshore/embedded';
import { startTestCluster, waitUntil, type TestCluster, type TestClusterOptions } from '@longshore/testing';
import { expect } from 'vitest';

const moduleOf = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url));

/** Paths of the toy task types, as an executor's configuration names them. */
export const TOY = moduleOf('toy-task-type');
export const TOY_ONCE = moduleOf('toy-once-task-type');
export const TOY_PREPARED = moduleOf('toy-prepared-task-type');
/** Says itself on which nodes it runs. */
export const TOY_PLACED = moduleOf('toy-placed-task-type');

/** Runs in processes of its own. */
export const TOY_PROCESS = moduleOf('toy-process-task-type');

/** Has `onTick`. */
export const TOY_TICKING = moduleOf('toy-ticking-task-type');

/** A cluster whose executors have loaded the toy types. */
export function startToyCluster(options: Partial<TestClusterOptions> = {}): Promise<TestCluster> {
  return startTestCluster({ plugins: [TOY, TOY_ONCE], ...options });
}

/** A deadline for waits in tests: far beyond what anything takes, so that only a hang reaches it. */
export function deadline(ms = 120_000): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) };
}

/** Waits until nodes have a number of the first step's subtasks, those that are claimed ahead included, and the step is claimable. */
export async function untilRunning(task: TaskHandle, count: number): Promise<void> {
  await waitUntil(
    async () => {
      const { step } = (await task.get()).task;
      let held = 0;
      for await (const { kind } of task.subtasks({ states: ['running'], step: 'sleep' }))
        if (kind === 'work') held += 1;
      return step === 'sleep' ? held : 0;
    },
    (held) => held >= count,
    { what: `${count} running subtasks` },
  );
}

/** Waits until a node runs work of a task. */
export async function untilRunningOn(task: TaskHandle, node: string): Promise<void> {
  await waitUntil(
    async () => {
      const nodes: string[] = [];
      for await (const subtask of task.subtasks()) {
        if (subtask.kind === 'work' && subtask.state === 'running') nodes.push(subtask.node);
      }
      return nodes;
    },
    (nodes) => nodes.includes(node),
    { what: `work on ${node}` },
  );
}

/** Every ordinal of the first step once, and every subtask succeeded. */
export async function expectEachOnce(task: TaskHandle, count: number): Promise<void> {
  const ordinals: number[] = [];
  for await (const subtask of task.subtasks()) {
    if (subtask.kind !== 'work' || subtask.step !== 'sleep') continue;
    expect(subtask.state).toBe('succeed');
    ordinals.push(subtask.ordinal);
  }
  expect(ordinals.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
}

/** The process with this id. */
export function processOf({ cluster }: TestCluster, pid: number): ChildProcessHandle {
  const found = [...cluster.processes.values()].find((process) => process.pid === pid);
  if (found === undefined) throw new Error(`no process of the cluster has the id ${pid}`);
  return found;
}

/** Kills a process, waits for its end, and starts it anew under its name. */
export async function killAndRestart({ cluster }: TestCluster, name: string): Promise<void> {
  const process = cluster.processes.get(name);
  process?.kill('SIGKILL');
  await process?.exited;
  await cluster.restart(name);
}

/** Waits until an executor knows by its own clock that its lease has run out. */
export async function untilLeaseOverdue({ cluster }: TestCluster, name: string): Promise<void> {
  const url = String(cluster.processes.get(name)?.ready['httpUrl']);
  await waitUntil(
    async () => (await fetch(`${url}/readyz`)).text(),
    (text) => text.includes('lease could not be renewed'),
    { what: `${name} to miss its renewals` },
  );
}
