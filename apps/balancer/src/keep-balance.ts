import { balanceTask, eligibleNodes, nodeId, taskId, type NodeId, type NodeInfo } from '@longshore/core';
import { wakeHint } from '@longshore/protocol';
import { startLoop, type ConfigOf, type LEADER_OPTIONS, type ServiceContext } from '@longshore/service';
import {
  eachOnItsOwn,
  LockPatience,
  moveControl,
  moveSubtasks,
  readImbalances,
  readNodes,
  readStrandedControls,
  type LeaderLease,
  type StrandedControl,
} from '@longshore/store';

type Context = ServiceContext<ConfigOf<typeof LEADER_OPTIONS>>;

/** The leading balancer's work, until the lease is lost: a round whenever membership or load may have changed. */
export async function keepBalance(context: Context, lease: LeaderLease, signal: AbortSignal): Promise<void> {
  const { bus, logger, config } = context;
  const loop = startLoop({
    intervalMs: config.pollMs,
    signal,
    onError: (error) => logger.warn({ error }, 'a balancing round failed'),
    round: async () => {
      const woken = await balanceOnce(context, lease);
      for (const node of woken) bus.publish(bus.subjects.wakeNode(node), {});
      return false;
    },
  });
  const subscription = bus.subscribe(bus.subjects.wakeBalancer, wakeHint, () => loop.wake());
  bus.onReconnect(() => loop.wake());
  await loop.done;
  subscription.close();
}

/** What one round needs. */
export type BalancingContext = Pick<Context, 'store'> & { readonly logger: Pick<Context['logger'], 'info' | 'warn'> };

/** One round: read, decide, write. Each task and each hook goes on its own. Answers the nodes that got something. */
export async function balanceOnce(
  { store, logger }: BalancingContext,
  lease: LeaderLease,
): Promise<ReadonlySet<NodeId>> {
  const nodes = await readNodes(store.db);
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
    ...(await eachOnItsOwn(await readStrandedControls(store.db), patience, async (control) => {
      const to = nodeForStranded(control, nodes);
      if (to === null || !(await moveControl(store.db, lease, control, to, patience))) return;
      woken.add(to);
      logger.info(
        { task_id: control.taskId, subtask_id: control.id, from: control.execId, to },
        'moved a control subtask',
      );
    })),
  ];
  for (const { item, error } of leftOut) {
    logger.warn({ error, task_id: item.taskId }, 'pending subtasks could not be moved; looking again soon');
  }
  return woken;
}

function nodeForStranded(control: StrandedControl, nodes: readonly NodeInfo[]): NodeId | null {
  const eligible = eligibleNodes(nodes, control).nodes;
  return eligible[Number(BigInt(control.id) % BigInt(Math.max(1, eligible.length)))]?.id ?? null;
}
