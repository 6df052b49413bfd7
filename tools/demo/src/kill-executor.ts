import type { SubtaskView, TaskDetail, TaskHandle } from '@longshore/client';
import { pause } from '@longshore/core';
import type { LocalCluster } from '@longshore/embedded';

/** What the kill did, and how long the cluster took to get over it. */
export interface KillReport {
  readonly node: string;
  /** Share of the rows that were in at the moment of the kill, 0 to 1. */
  readonly share: number;
  /** Subtasks that ran on the executor when it was killed. */
  readonly lost: number;
  /** From the kill until the first lost subtask, and until all of them, ran again elsewhere; milliseconds, null: never seen. */
  readonly firstAgainMs: number | null;
  readonly allAgainMs: number | null;
}

/** Fine enough for a time that is told in tenths of a second, and no load beside an import. */
const LOOK_EVERY_MS = 100;

/**
 * Waits until the import is `share` of its way, kills (SIGKILL) the executor that runs the most subtasks, and measures until
 * they run again. Null: the import was over before there was anything to kill.
 *
 * @throws the signal's reason when it aborts first.
 */
export async function killAtShare(
  task: TaskHandle,
  cluster: LocalCluster,
  share: number,
  signal: AbortSignal,
  remark: (text: string) => void,
): Promise<KillReport | null> {
  const at = await waitForShare(task, share, signal);
  if (at === null) return null;
  const node = busiest(await readRunning(task));
  const child = node === null ? undefined : cluster.processes.get(node);
  if (node === null || child === undefined) return null;
  const killedAtMs = performance.now();
  child.kill('SIGKILL');
  await child.exited;
  remark(`killed ${node} (process ${child.pid}) with SIGKILL`);
  // What its last messages settled is not lost; what still counts as running on it is.
  const lost = (await readRunning(task)).filter((subtask) => subtask.node === node);
  if (lost.length === 0) return { node, share: at, lost: 0, firstAgainMs: null, allAgainMs: null };
  const again = await waitUntilAgain(task, lost, killedAtMs, signal);
  return { node, share: at, lost: lost.length, ...again };
}

/** The share of the load that is done once it is enough and something runs; null when the task has ended by then. */
async function waitForShare(task: TaskHandle, share: number, signal: AbortSignal): Promise<number | null> {
  while (true) {
    const detail = await task.get();
    if (detail.task.outcome !== null) return null;
    const done = doneShare(detail);
    if (done >= share && detail.nodes.some(({ running }) => running > 0)) return done;
    await pause(LOOK_EVERY_MS, signal);
  }
}

function doneShare({ task, steps }: TaskDetail): number {
  const load = steps.find(({ step }) => step === 'load');
  if (load === undefined || task.step !== 'load') return 0;
  const { bytes, totalBytes, subtasks } = load;
  const byCount = subtasks.total === 0 ? 0 : subtasks.succeeded / subtasks.total;
  return totalBytes === null || totalBytes === 0 ? byCount : Math.max(byCount, bytes / totalBytes);
}

function busiest(running: readonly SubtaskView[]): string | null {
  const counts = new Map<string, number>();
  for (const { node } of running) counts.set(node, (counts.get(node) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

async function waitUntilAgain(
  task: TaskHandle,
  lost: readonly SubtaskView[],
  killedAtMs: number,
  signal: AbortSignal,
): Promise<Pick<KillReport, 'firstAgainMs' | 'allAgainMs'>> {
  let firstAgainMs: number | null = null;
  while (true) {
    const subtasks = await readSubtasks(task);
    const elapsedMs = performance.now() - killedAtMs;
    const again = lost.filter((before) => hasRestarted(before, subtasks));
    if (again.length > 0) firstAgainMs ??= elapsedMs;
    if (again.length === lost.length) return { firstAgainMs, allAgainMs: elapsedMs };
    if ((await task.get()).task.outcome !== null) return { firstAgainMs, allAgainMs: null };
    await pause(LOOK_EVERY_MS, signal);
  }
}

function hasRestarted(before: SubtaskView, now: readonly SubtaskView[]): boolean {
  const found = now.find(({ id }) => id === before.id);
  return found !== undefined && found.attempt > before.attempt;
}

async function readRunning(task: TaskHandle): Promise<SubtaskView[]> {
  return (await readSubtasks(task)).filter(({ state, kind }) => state === 'running' && kind === 'work');
}

async function readSubtasks(task: TaskHandle): Promise<SubtaskView[]> {
  const all: SubtaskView[] = [];
  for await (const subtask of task.subtasks()) all.push(subtask);
  return all;
}
