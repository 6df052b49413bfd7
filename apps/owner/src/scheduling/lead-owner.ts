import { taskId, type TaskId } from '@longshore/core';
import { MAX_HINTED_TASKS, wakeHint, type TaskHint } from '@longshore/protocol';
import { FailureLog, loggedRounds, startLoop, type ConfigOf, type ServiceContext } from '@longshore/service';
import {
  countGoneNodes,
  countQueuedTasks,
  forgetOldTasks,
  listenForSubmits,
  LockPatience,
  ownerWrites,
  type LeaderLease,
  type RetentionCursor,
} from '@longshore/store';
import type { OWNER_OPTIONS } from '../owner-options.ts';
import { PassMetrics } from './pass-metrics.ts';
import { schedulingRounds } from './scheduling-round.ts';

/** How often old tasks are looked for, in milliseconds. */
const RETENTION_MS = 3_600_000;

/** How often what no pass looks at is counted for the metrics, in milliseconds. */
const COUNT_MS = 10_000;

/**
 * When to look again after a move that an executor goes on with, in milliseconds: there may be a next one all the same, such as after a plan
 * without subtasks. At once it would take the processor from the executor, for nothing in most cases.
 */
const LOOK_AGAIN_MS = 20;

/**
 * The leading owner's work: a scheduling pass whenever something may have changed, until the lease is lost.
 *
 * @param onWakeable told how to wake the pass from within this process. What it answers is called when that is over.
 */
export async function leadOwner(
  context: ServiceContext<ConfigOf<typeof OWNER_OPTIONS>>,
  lease: LeaderLease,
  signal: AbortSignal,
  onWakeable: (wake: () => void) => () => void,
): Promise<void> {
  const { store, bus, logger, config } = context;
  const counts = new PassMetrics(context.metrics);
  const patience = new LockPatience();
  const round = schedulingRounds({
    db: store.db,
    writes: ownerWrites(store.db, lease, `owner ${config.instance}`, patience),
    patience,
    logger,
    tracing: context.telemetry.tracing,
    maxScheduledTasks: config.maxScheduledTasks,
  });
  let unseen: Pick<Parameters<PassMetrics['show']>[0], 'goneNodes' | 'queued'> = {};
  const counting = startLoop({
    intervalMs: COUNT_MS,
    signal,
    onError: (error) => logger.debug({ error }, 'what no pass looks at could not be counted'),
    round: async () => {
      const [goneNodes, queued] = await Promise.all([countGoneNodes(store.db), countQueuedTasks(store.db)]);
      unseen = { goneNodes, queued };
      return false;
    },
  });
  let lookingAgain: NodeJS.Timeout | undefined;
  const loop = startLoop({
    intervalMs: config.pollMs,
    signal,
    ...loggedRounds(logger, 'scheduling', async () => {
      clearTimeout(lookingAgain);
      const result = await round();
      // Nodes first: somebody waits for what they do.
      for (const [node, ids] of result.wake) {
        bus.publish(bus.subjects.wakeNode(node), ids.size > MAX_HINTED_TASKS ? {} : { tasks: [...ids] });
      }
      for (const id of result.stopped) {
        for (const node of result.nodes) bus.publish(bus.subjects.controlNode(node.id), { taskId: id });
      }
      if (result.mustMove) bus.publish(bus.subjects.wakeBalancer, {});
      for (const id of result.changed) announce(id);
      counts.show({ ...result, ...unseen });
      if (result.changed.length > 0 && !result.movesOn) lookingAgain = setTimeout(() => loop.wake(), LOOK_AGAIN_MS);
      // What was changed may allow a next move at once.
      return result.movesOn;
    }),
  });
  const announce = (id: TaskId): void =>
    bus.publish(bus.subjects.taskEvents(taskId(id)), { kind: 'state' } satisfies TaskHint);
  let forgottenTo: RetentionCursor | null = null;
  const retention = startLoop({
    intervalMs: RETENTION_MS,
    signal,
    ...loggedRounds(logger, 'forgetting old tasks', async () => {
      const page = await forgetOldTasks(store.db, lease, config.historyDays, forgottenTo);
      forgottenTo = page.next;
      for (const { id, error } of page.failed) {
        logger.warn({ error, task_id: id }, 'an old task could not be forgotten yet');
      }
      return forgottenTo !== null;
    }),
  });
  // Only the poll finds submits within transactions meanwhile.
  const hearing = new FailureLog(logger, 'listening for submits within transactions');
  const listening = listenForSubmits(store.db, {
    onSubmit: () => {
      hearing.worked();
      loop.wake();
    },
    onError: (error) => hearing.failed(error),
    signal,
  });
  const subscription = bus.subscribe(bus.subjects.wakeOwner, wakeHint, () => loop.wake());
  const reconnects = bus.onReconnect(() => loop.wake());
  const forgetWake = onWakeable(() => loop.wake());
  try {
    await Promise.all([loop.done, retention.done, counting.done, listening]);
  } finally {
    clearTimeout(lookingAgain);
    forgetWake();
    subscription.close();
    reconnects.close();
    // Another one leads now, and counts them.
    counts.reset();
  }
}
