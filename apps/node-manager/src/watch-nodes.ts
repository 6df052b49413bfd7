import type { LeaseSettings } from '@longshore/core';
import {
  LeftOutNotes,
  loggedRounds,
  startLoop,
  type ConfigOf,
  type ServiceContext,
  type WakeableLoop,
} from '@longshore/service';
import { extendAllLeases, fenceExpiredNodes, readClusterId, sweepOrphans, type LeaderLease } from '@longshore/store';
import { counterOf } from '@longshore/telemetry';
import type { NODE_MANAGER_OPTIONS } from './node-manager-options.ts';
import { removeNodes } from './remove-nodes.ts';
import { traceLostAttempts } from './trace-lost-attempts.ts';

type Context = ServiceContext<ConfigOf<typeof NODE_MANAGER_OPTIONS>>;

/**
 * A gap between two rounds is an outage when it is this part of a lease longer than the pause: in it nobody could have renewed either, and
 * nodes get a fresh lease. They renew three times per lease. So with the renewals that fell out right before and after it, a shorter gap
 * still ends within lease and margin; at half a lease, nodes were declared dead that had been away for no longer than we.
 */
const OUTAGE_PART = 1 / 3;

/**
 * The leading node-manager's work, until the lease is lost: it finds dead nodes, frees their subtasks, and removes those that are long gone. Three
 * loops, so that a sweep which takes long delays no look at the nodes, and never looks like an outage.
 *
 * @param nodeLease what the nodes go by.
 */
export async function watchNodes(
  context: Context,
  nodeLease: LeaseSettings,
  lease: LeaderLease,
  signal: AbortSignal,
): Promise<void> {
  const sweeping = sweepLostNodes(context, lease, signal);
  const watching = watchLeases(context, nodeLease, lease, signal, () => sweeping.wake());
  const removing = removeNodes(context, lease, signal);
  await Promise.all([watching.done, sweeping.done, removing.done]);
}

/** @param onDead called when nodes were declared dead. */
function watchLeases(
  context: Context,
  nodeLease: LeaseSettings,
  lease: LeaderLease,
  signal: AbortSignal,
  onDead: () => void,
): WakeableLoop {
  const { store, logger, config } = context;
  const longestGapMs = config.pollMs + nodeLease.ttlMs * OUTAGE_PART;
  let lastRoundAt = Number.NEGATIVE_INFINITY;
  /** Nodes that are still to get a fresh lease, since others have locked their rows. */
  let owed: readonly string[] = [];
  const notes = new LeftOutNotes(logger, 'declared dead');
  return startLoop({
    intervalMs: config.pollMs,
    signal,
    ...loggedRounds(logger, 'watching nodes', async () => {
      const wasAway = performance.now() - lastRoundAt > longestGapMs;
      if (wasAway || owed.length > 0) {
        owed = await extendAllLeases(store.db, lease, nodeLease.ttlMs, wasAway ? null : owed);
      }
      const fenced = await fenceExpiredNodes(store.db, lease, nodeLease.marginMs, {
        spared: owed,
        onLeftOut: (leftOut) => notes.note(leftOut),
      });
      notes.endRound();
      for (const node of fenced) logger.warn({ node }, 'node declared dead: its lease has run out');
      if (fenced.length > 0) {
        tellOfLoss(context);
        onDead();
      }
      lastRoundAt = performance.now();
      return false;
    }),
  });
}

function sweepLostNodes(context: Context, lease: LeaderLease, signal: AbortSignal): WakeableLoop {
  const { store, logger, config, telemetry } = context;
  const freedCounter = counterOf(context.metrics, 'freedSubtasks');
  let cluster: string | null = null;
  const clusterId = async (): Promise<string> => (cluster ??= await readClusterId(store.db));
  const notes = new LeftOutNotes(logger, 'freed');
  return startLoop({
    intervalMs: config.pollMs,
    signal,
    ...loggedRounds(logger, 'freeing subtasks of lost holders', async () => {
      const freed = await sweepOrphans(store.db, lease, (leftOut) => notes.note(leftOut));
      notes.endRound();
      if (freed.length === 0) return false;
      for (const { taskType } of freed) freedCounter.inc({ type: taskType });
      logger.info({ freed: freed.length }, 'freed subtasks of lost holders');
      tellOfLoss(context);
      if (telemetry.tracing !== null) traceLostAttempts(telemetry.tracing, await clusterId(), freed);
      return false;
    }),
  });
}

function tellOfLoss({ bus }: Context): void {
  bus.publish(bus.subjects.wakeBalancer, { reason: 'nodes lost' });
  bus.publish(bus.subjects.wakeOwner, { reason: 'nodes lost' });
}
