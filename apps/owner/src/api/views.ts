import type { LabelSelector } from '@longshore/core';
import type { NodeView, TaskView } from '@longshore/protocol';
import type { StoredNode, StoredTask } from '@longshore/store';

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

/** A stored node as clients see it. */
export function nodeView(node: StoredNode, load: { readonly running: number; readonly pending: number }): NodeView {
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
    running: load.running,
    pending: load.pending,
  };
}
