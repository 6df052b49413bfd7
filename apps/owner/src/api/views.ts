import { runtimeSlotsOf, startedOf, startedOn, type LabelSelector } from '@longshore/core';
import type { NodeView, TaskDetail, TaskView } from '@longshore/protocol';
import type { NodeWork, StoredNode, StoredTask, TaskProgress } from '@longshore/store';

const IDLE: NodeWork = { claimed: [], hooks: 0, pending: 0 };

/** A stored task as clients see it. */
export function taskView(task: StoredTask): TaskView {
  return {
    id: task.id,
    key: task.key,
    run: task.run,
    type: task.type,
    typeVersion: task.typeVersion,
    state: task.state,
    outcome: task.outcome as TaskView['outcome'],
    step: task.step,
    priority: task.priority,
    slots: task.slots,
    slotsPerSubtask: task.slotsPerSubtask,
    maxNodes: task.maxNodes,
    scope: task.scope,
    onFailure: task.onFailure as TaskView['onFailure'],
    nodes: [...task.reservedNodes],
    waiting: task.waiting,
    error: task.error,
    result: task.result,
    skipped: { ...task.skipped },
    createdAt: task.createdAt.toISOString(),
    startedAt: task.startedAt?.toISOString() ?? null,
    endedAt: task.endedAt?.toISOString() ?? null,
    isArchived: task.isArchived,
    throttle: task.throttle,
    gates: task.gates === null ? null : [...task.gates],
    runtimeSlots: runtimeSlotsView(task.runtimeSlots),
    selectors: task.selectors === null ? null : task.selectors.map(selectorView),
    subtaskTimeoutMs: task.subtaskTimeoutMs,
    stallTimeoutMs: task.stallTimeoutMs,
    deadlineAt: task.deadlineAt?.toISOString() ?? null,
    modifying: task.modification === null ? null : { ...task.modification.changes },
    restarting: task.isRestarting,
  };
}

function runtimeSlotsView(runtimeSlots: StoredTask['runtimeSlots']): TaskView['runtimeSlots'] {
  if (runtimeSlots === null) return null;
  const { max, steps } = runtimeSlots;
  return steps === undefined ? { max } : { max, steps: [...steps] };
}

function selectorView(selector: LabelSelector): NonNullable<TaskView['selectors']>[number] {
  return selector.op === 'in' ? { ...selector, values: [...selector.values] } : selector;
}

type Progress = Pick<TaskDetail, 'steps' | 'nodes'>;

/**
 * A task's progress as clients see it. What is claimed ahead waits: as many run on a node as the task's slots there have room for.
 *
 * @param stateOf the state of a node; undefined: it is gone.
 */
export function progressView(
  task: StoredTask,
  progress: TaskProgress,
  stateOf: (node: string) => string | undefined,
): Progress {
  const slots = runtimeSlotsOf(task, task.step);
  const nodes = progress.nodes.map(({ running: claimed, pending, ...node }) => {
    const running = startedOf({ claimed, ...slots });
    return { ...node, running, pending: pending + claimed - running, state: stateOf(node.node) ?? 'gone' };
  });
  const running = nodes.reduce((sum, node) => sum + node.running, 0);
  const steps = progress.steps.map(({ step, rows, bytes, totalRows, totalBytes, ...subtasks }) => {
    const ahead = step === task.step ? subtasks.running - running : 0;
    return {
      step,
      subtasks: { ...subtasks, running: subtasks.running - ahead, pending: subtasks.pending + ahead },
      rows,
      bytes,
      totalRows,
      totalBytes,
    };
  });
  return { steps, nodes };
}

/** A stored node as clients see it. Hooks use no slots, and are no subtasks of a step. */
export function nodeView(node: StoredNode, load: NodeWork = IDLE): NodeView {
  const running = startedOn(
    node.slots,
    load.claimed.map(({ claimed, step, ...task }) => ({ claimed, ...runtimeSlotsOf(task, step) })),
  );
  const claimed = load.claimed.reduce((sum, one) => sum + one.claimed, 0);
  return {
    id: node.id,
    state: node.state,
    epoch: Number(node.epoch),
    scope: node.scope,
    labels: { ...node.labels },
    slots: node.slots,
    types: [...node.types],
    host: node.host,
    pid: node.pid,
    startedAt: node.startedAt.toISOString(),
    leaseExpiresAt: node.leaseExpiresAt.toISOString(),
    running,
    pending: load.pending + claimed - running,
    hooks: load.hooks,
  };
}
