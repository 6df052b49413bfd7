import {
  eligibleNodes,
  nodeForHook,
  SubtaskKind,
  type ControlKind,
  type HookLoads,
  type NodeId,
  type NodeInfo,
  type TaskId,
  type TaskMove,
} from '@longshore/core';
import type { AfterLastStep, ControlMeta, OwnerWrites, ScheduledTask } from '@longshore/store';
import type { KnownType } from '../types/known-type.ts';
import { membershipFor } from './moves.ts';

/** What a move is carried out with. */
export interface CarryOutContext {
  readonly nodes: readonly NodeInfo[];
  /** Control subtasks that nodes have. Those that the move adds are counted. */
  readonly hooks: HookLoads;
  /** Looks at a task that was submitted within a user's transaction. False: nothing was changed. */
  readonly validate: (id: TaskId) => Promise<boolean>;
  readonly writes: OwnerWrites;
  /** Told of a node that may have work of the task now. */
  readonly wake: (node: NodeId, task: TaskId) => void;
  /** Nodes that the task has just been given and that aren't stored yet; undefined: there are none such. */
  readonly reserved: readonly NodeId[] | undefined;
}

/**
 * Writes one move of a task.
 *
 * @returns false when nothing was written: the task waits, or is not what it was any more.
 */
export async function carryOut(
  move: TaskMove,
  task: ScheduledTask,
  type: KnownType,
  { nodes, hooks, validate, writes, wake, reserved }: CarryOutContext,
): Promise<boolean> {
  switch (move.do) {
    case 'wait':
      return false;
    case 'validate':
      return validate(task.id);
    case 'insert-control': {
      const node = nodeForControl(move.kind, { ...task, reserved: reserved ?? task.reserved }, nodes, hooks);
      if (node === null) return false;
      wake(node, task.id);
      const meta: ControlMeta = move.kind === 'place' ? { placedFor: membershipFor(task, nodes) } : {};
      return writes.insertControl(task.id, task.state, move.kind, node, reserved, meta);
    }
    case 'consume-prepare':
      return writes.consumePrepare(task.id, move.control);
    case 'consume-plan': {
      const node = nodeForControl(SubtaskKind.finish, task, nodes, hooks);
      const after: AfterLastStep = type.hooks.includes('onDone') ? { do: 'insert-finish', node } : { do: 'finish' };
      if (node !== null) wake(node, task.id);
      return writes.consumePlan(task.id, move.control, after);
    }
    case 'consume-place':
      return writes.consumePlace(task.id, move.control);
    case 'finish':
      return writes.finish(task.id, move.control);
    case 'fail':
      return writes.fail(task.id, move.error, { isUntouched: move.isUntouched, guard: move.guard });
    case 'suspend':
      return writes.suspend(task.id, move.error);
    case 'settle':
      return writes.settle(task.id);
    case 'continue':
      return writes.continue(task.id);
    case 'apply':
      return writes.apply(task.id, move.control);
    case 'drop':
      return writes.drop(task.id, move.error);
    case 'stop':
      return writes.stop(task.id);
    case 'end-pending':
      return writes.endPending(task.id, move.keepsWork);
    case 'end-side':
      // Nothing to write: the nodes are told to look at what they run.
      return true;
    case 'undo':
      return writes.undo(task.id, move.control, move.skipped);
    case 'archive':
      return writes.archive(task.id, move.skipped);
  }
}

/** The live node with the type that a control subtask goes to. */
function nodeForControl(
  kind: ControlKind,
  task: ScheduledTask,
  nodes: readonly NodeInfo[],
  hooks: HookLoads,
): NodeId | null {
  const eligible = eligibleNodes(nodes, task).nodes.map((node) => node.id);
  const node = nodeForHook(kind, task.id, eligible, task.reserved, hooks);
  if (node !== null) hooks.add(node, kind);
  return node;
}
