import type { NodeId, TaskId, TaskMove } from '@longshore/core';
import type { QueueWait } from '@longshore/store';
import type { FailedTask } from './set-aside.ts';
import { CONCERNS_NODES, WAITS_FOR_NODES } from './moves.ts';

/** What a pass changed, for messages. */
export interface PassResult {
  /** Tasks whose state or step may have changed. */
  readonly changed: readonly TaskId[];
  /** Nodes that may have work now, and of which tasks. */
  readonly wake: ReadonlyMap<NodeId, ReadonlySet<TaskId>>;
  /** Tasks whose work nodes may have to stop, or to tell of a change. */
  readonly stopped: readonly TaskId[];
  /** Whether something was changed after which a task may have a next move at once: not only what an executor has to do something for first. */
  readonly movesOn: boolean;
  /** Whether a running task has other nodes now, so that its pending work has to move. */
  readonly mustMove: boolean;
  /** Ids of tasks that could not be written, since others have locked their rows. */
  readonly locked: readonly string[];
  /** Tasks that could not be written for another reason. */
  readonly failed: readonly FailedTask[];
  /** Why those wait that stand behind the tasks which the pass looked at. */
  readonly queueWaits: readonly QueueWait[];
}

/** Notes what a pass changes. */
export class PassNotes implements PassResult {
  readonly changed: TaskId[] = [];
  readonly wake = new Map<NodeId, Set<TaskId>>();
  readonly stopped: TaskId[] = [];
  readonly locked: string[] = [];
  readonly failed: FailedTask[] = [];
  queueWaits: readonly QueueWait[] = [];
  movesOn = false;
  mustMove = false;

  /** A node may have work of a task now. */
  noteWork(node: NodeId, task: TaskId): void {
    this.wake.set(node, (this.wake.get(node) ?? new Set()).add(task));
  }

  /** A move of a task was written. */
  noteMove(task: TaskId, move: TaskMove['do']): void {
    this.changed.push(task);
    this.movesOn ||= !WAITS_FOR_NODES.has(move);
    if (CONCERNS_NODES.has(move)) this.stopped.push(task);
  }

  /** A task was refused. */
  noteRefusal(task: TaskId): void {
    this.changed.push(task);
    this.movesOn = true;
  }
}
