import {
  balanceTask,
  eligibleNodes,
  HookLoads,
  nodeForHook,
  nodeId,
  taskId,
  type NodeId,
  type NodeInfo,
} from '@longshore/core';
import { wakeHint } from '@longshore/protocol';
import {
  LeftOutNotes,
  loggedRounds,
  startLoop,
  type ConfigOf,
  type LEADER_OPTIONS,
  type ServiceContext,
} from '@longshore/service';
import {
  eachOnItsOwn,
  LockPatience,
  moveControl,
  moveSubtasks,
  readImbalances,
  readNodeHooks,
  readPresentNodes,
  readStrandedControls,
  type LeaderLease,
  type LeftOut,
  type StrandedControl,
} from '@longshore/store';

type Context = ServiceContext<ConfigOf<typeof LEADER_OPTIONS>>;

/** The leading balancer's work, until the lease is lost: a round whenever membership or load may have changed. */
export async function keepBalance(context: Context, lease: LeaderLease, signal: AbortSignal): Promise<void> {
  const { bus, logger, config } = context;
  const notes = new LeftOutNotes(logger, 'moved');
  const loop = startLoop({
    intervalMs: config.pollMs,
    signal,
    ...loggedRounds(logger, 'balancing', async () => {
      const woken = await balanceOnce(context, lease, notes);
      for (const node of woken) bus.publish(bus.subjects.wakeNode(node), {});
      return false;
    }),
  });
  const subscription = bus.subscribe(bus.subjects.wakeBalancer, wakeHint, () => loop.wake());
  const reconnects = bus.onReconnect(() => loop.wake());
  await loop.done;
  subscription.close();
  reconnects.close();
}

/** What one round needs. */
export type BalancingContext = Pick<Context, 'store'> & { readonly logger: Pick<Context['logger'], 'info' | 'warn'> };

/**
 * One round: read, decide, write. Each task and each hook goes on its own. Answers the nodes that got something.
 *
 * @param notes says what could not be moved. Default: all of it, as if it was the first round.
 */
export async function balanceOnce(
  { store, logger }: BalancingContext,
  lease: LeaderLease,
  notes = new LeftOutNotes(logger, 'moved'),
): Promise<ReadonlySet<NodeId>> {
  const nodes = await readPresentNodes(store.db);
  const live = nodes.filter((node) => node.state === 'live').map((node) => node.id);
  const woken = new Set<NodeId>();
  const patience = new LockPatience();
  const leftOut = [
    ...(await eachOnItsOwn(await readImbalances(store.db, live), patience, async (task) => {
      const moves = balanceTask({
        taskId: taskId(task.taskId),
        nodes: task.reservedNodes.map(nodeId),
        loads: task.loads,
      });
      if (moves.length === 0) return;
      const moved = await moveSubtasks(store.db, lease, moves, patience);
      for (const move of moves) woken.add(move.to);
      logger.info({ task_id: task.taskId, moves, moved }, 'moved subtasks');
    })),
    ...(await moveStranded({ store, logger }, lease, nodes, patience, woken)),
  ];
  for (const { item, error } of leftOut) notes.note({ what: `pending subtasks of task ${item.taskId}`, error });
  notes.endRound();
  return woken;
}

/** Moves hooks that can't run where they wait. One whose node only has no place for it stays until another has one. */
async function moveStranded(
  { store, logger }: BalancingContext,
  lease: LeaderLease,
  nodes: readonly NodeInfo[],
  patience: LockPatience,
  woken: Set<NodeId>,
): Promise<readonly LeftOut<StrandedControl>[]> {
  const stranded = await readStrandedControls(store.db);
  if (stranded.length === 0) return [];
  const hooks = new HookLoads(await readNodeHooks(store.db));
  return eachOnItsOwn(stranded, patience, async (control) => {
    const { id, kind, execId: from, reason } = control;
    const others = eligibleNodes(nodes, control)
      .nodes.map((node) => node.id)
      .filter((node) => node !== from);
    const to = nodeForHook(kind, taskId(control.taskId), others, control.reservedNodes.map(nodeId), hooks);
    if (to === null || (reason === 'no place' && !hooks.hasPlace(to, kind))) return;
    if (!(await moveControl(store.db, lease, control, to, patience))) return;
    hooks.add(to, kind);
    woken.add(to);
    logger.info({ task_id: control.taskId, subtask_id: id, from, to, reason }, 'moved a control subtask');
  });
}
