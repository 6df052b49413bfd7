import { setTimeout as wait } from 'node:timers/promises';
import type { LongshoreClient } from '@longshore/client';
import { waitUntil } from '@longshore/testing';
import type { RudeBehaviour } from './rude-task-type.ts';

/** How a task of each behaviour ends: `succeeded`, or a code. */
const ENDS: Readonly<Record<RudeBehaviour, string>> = {
  'count-nan': 'REPORT_INVALID',
  'return-nested': 'SUBTASK_FAILED',
  'post-nonsense': 'RUNNER_CRASHED',
  'log-much': 'succeeded',
  'change-globals': 'succeeded',
  leave: 'RUNNER_CRASHED',
  grow: 'RUNNER_CRASHED',
  block: 'succeeded',
  hang: 'SUBTASK_TIMEOUT',
};

/** How long one may take, in milliseconds, faults beside it included. */
const END_MS = 120_000;
const TIMEOUT_MS = 2_000;
const PAUSE_MS = 500;

/**
 * Runs tasks of a rude plugin, one after the other, until the signal aborts.
 *
 * @param failed sees each that ended in another way than it should.
 * @returns how many ended.
 */
export async function runRudeTasks(
  client: LongshoreClient,
  failed: (problem: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const behaviours = Object.keys(ENDS) as RudeBehaviour[];
  let ended = 0;
  while (!signal.aborted) {
    const does = behaviours[ended % behaviours.length];
    if (does === undefined) break;
    const problem = await runOne(client, does, ended).catch((error: unknown) => String(error));
    if (problem !== null) failed(`rude ${does}: ${problem}`);
    ended += 1;
    await wait(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return ended;
}

async function runOne(client: LongshoreClient, does: RudeBehaviour, number: number): Promise<string | null> {
  const task = await waitUntil(
    () =>
      client
        .submit({
          type: 'soak-rude',
          key: `rude-${number}`,
          meta: { does },
          retry: { maxFailures: 1 },
          subtaskTimeoutMs: does === 'hang' ? TIMEOUT_MS : END_MS,
        })
        .catch(() => null),
    (one) => one !== null,
    { what: `a submit of rude-${number}`, timeoutMs: END_MS },
  );
  if (task === null) return 'it could not be submitted';
  const { task: end } = await task.wait({ signal: AbortSignal.timeout(END_MS) });
  const found = end.outcome === 'succeeded' ? 'succeeded' : (end.error?.code ?? end.outcome);
  return found === ENDS[does] ? null : `task ${task.id} ended with ${String(found)}, not with ${ENDS[does]}`;
}
