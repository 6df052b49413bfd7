import {
  compareRank,
  HookLoads,
  LongshoreError,
  toErrorData,
  type ErrorData,
  type NodeId,
  type TaskId,
  type TaskMove,
} from '@longshore/core';
import {
  eachOnItsOwn,
  isRowLocked,
  LockPatience,
  type AdmissionChange,
  type LeftOut,
  type OwnerWrites,
  type ScheduledTask,
  type StoredType,
} from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import { incompatibleType } from '../types/incompatible-type.ts';
import { findKnownType, type KnownType } from '../types/known-type.ts';
import {
  admitInRankOrder,
  changesOfAdmissions,
  isSameWait,
  type AdmissionInput,
  type Admissions,
  type SlotChange,
} from './admissions.ts';
import { carryOut } from './carry-out.ts';
import { decideMoves, type Moves } from './moves.ts';
import { PassNotes, type PassResult } from './pass-result.ts';
import { waitsOfQueues } from './queue-waits.ts';
import { setAsideReason } from './set-aside.ts';
import { waitsForHooks } from './waits-for-hooks.ts';

/** Where a pass says what went wrong with one task. */
export type PassLogger = Pick<Logger, 'error'>;

/** What one pass looks at. */
export interface PassInput extends AdmissionInput {
  readonly tasks: readonly ScheduledTask[];
  /** The version of a task's type that it is run by; null: nobody ever registered one. */
  readonly typeOf: (task: ScheduledTask) => Promise<StoredType | null>;
  /** Registered versions of a type that `typeOf` didn't find one for. */
  readonly versionsOf: (type: string) => readonly string[];
  /** Looks at a task that was submitted within a user's transaction. False: nothing was changed. */
  readonly validate: (id: TaskId) => Promise<boolean>;
  /** Sees each move while it is carried out; resolves to what `carryOut` does. */
  readonly around: (task: ScheduledTask, move: TaskMove, carryOut: () => Promise<boolean>) => Promise<boolean>;
  /** Ids of tasks whose rows others have locked: the pass decides on them and leaves them as they are. Default: none. */
  readonly locked?: ReadonlySet<string>;
  /** Tasks that passes could not move on, with what went wrong: the pass decides on them and leaves them as they are. Default: none. */
  readonly setAside?: ReadonlyMap<string, ErrorData>;
  /** How long the writes wait for rows that others have locked. Default: 500 ms, until one has waited in vain. */
  readonly patience?: LockPatience;
}

/** What a pass has decided. */
interface Decisions {
  readonly ranked: readonly ScheduledTask[];
  /** Tasks whose type could not be read: nothing is decided on them. */
  readonly unread: readonly LeftOut<ScheduledTask>[];
  readonly types: ReadonlyMap<TaskId, KnownType | null>;
  /** Control subtasks that nodes have. */
  readonly hooks: HookLoads;
  readonly admissions: Admissions;
  readonly moves: Moves;
  readonly changes: readonly SlotChange[];
}

/**
 * One scheduling pass: which tasks have slots, then the next move of every task. It reads only its input and the types. It writes its
 * decisions task by task; each write checks that its snapshot is still true. A task that can't be written now keeps no other waiting.
 */
export async function schedulingPass(input: PassInput, writes: OwnerWrites, logger: PassLogger): Promise<PassResult> {
  const { locked: lockedIds = new Set(), setAside = new Map(), patience = new LockPatience() } = input;
  const locked = new Set([...lockedIds, ...setAside.keys()]);
  patience.renew();
  const decisions = await decide(input, patience);
  const { ranked, unread, hooks, admissions, moves, changes } = decisions;
  const together = nodesGivenWithMoves(changes, moves);
  const toSave = [
    ...changes.filter((change) => !together.has(change.taskId)),
    ...waitsForHooks(ranked, admissions, moves, input.nodes, hooks),
  ].filter((change) => !locked.has(change.taskId));
  toSave.push(...waitsOfSetAside(ranked, setAside));
  const leftOut = [...unread.map(byTaskId), ...(await writes.saveAdmissions(toSave))];

  const notes = new PassNotes();
  notes.queueWaits = waitsOfQueues(ranked, admissions, input.maxScheduledTasks);
  noteNewNodes(notes, ranked, changes);
  const passedOver = new Set([...locked, ...leftOut.map((one) => one.item)]);
  const movable = ranked.filter((task) => !passedOver.has(task.id));
  const unmoved = await eachOnItsOwn(movable, patience, (task) =>
    moveOn(task, { input, decisions, together, writes, notes }),
  );
  for (const { item: id, error } of [...leftOut, ...unmoved.map(byTaskId)]) {
    if (isRowLocked(error)) notes.locked.push(id);
    else {
      notes.failed.push({ id, error });
      logger.error({ error, task_id: id }, 'a task could not be moved to its next state');
    }
  }
  return notes;
}

/** Says why tasks that are set aside wait. */
function waitsOfSetAside(
  ranked: readonly ScheduledTask[],
  setAside: ReadonlyMap<string, ErrorData>,
): readonly AdmissionChange[] {
  return ranked.flatMap((task) => {
    const error = setAside.get(task.id);
    if (error === undefined) return [];
    const waiting = setAsideReason(error);
    return isSameWait(waiting, task.waiting) ? [] : [{ taskId: task.id, reservedNodes: null, waiting }];
  });
}

function byTaskId({ item, error }: LeftOut<ScheduledTask>): LeftOut<string> {
  return { item: item.id, error };
}

async function decide(input: PassInput, patience: LockPatience): Promise<Decisions> {
  const ranked = input.tasks.toSorted(compareRank);
  const types = new Map<TaskId, KnownType | null>();
  const unread = await eachOnItsOwn(ranked, patience, async (task) => {
    types.set(task.id, await findKnownType(task, input.typeOf));
  });
  const hooks = new HookLoads(ranked.flatMap((task) => task.controls));
  const admissions = admitInRankOrder(ranked, types, input);
  const moves = decideMoves(ranked, types, admissions, input.nodes);
  return { ranked, unread, types, hooks, admissions, moves, changes: changesOfAdmissions(ranked, admissions, hooks) };
}

/** A task that is admitted and gets its control subtask at once has both written together: one commit less on its way to start. */
function nodesGivenWithMoves(changes: readonly SlotChange[], moves: Moves): ReadonlyMap<TaskId, readonly NodeId[]> {
  return new Map(
    changes
      .filter((change) => change.reservedNodes.length > 0 && moves.get(change.taskId)?.do === 'insert-control')
      .map((change) => [change.taskId, change.reservedNodes]),
  );
}

/** A running task that has got nodes may have work there already: one that was resumed, or has waited for its slots. */
function noteNewNodes(notes: PassNotes, ranked: readonly ScheduledTask[], changes: readonly SlotChange[]): void {
  const running = new Set(ranked.filter((task) => task.state === 'running').map((task) => task.id));
  for (const { taskId, reservedNodes } of changes) {
    if (!running.has(taskId)) continue;
    notes.mustMove = true;
    for (const node of reservedNodes) notes.noteWork(node, taskId);
  }
}

interface MoveContext {
  readonly input: PassInput;
  readonly decisions: Decisions;
  /** Nodes that tasks have just been given, to be stored with their moves. */
  readonly together: ReadonlyMap<TaskId, readonly NodeId[]>;
  readonly writes: OwnerWrites;
  readonly notes: PassNotes;
}

/** Writes what was decided for one task. */
async function moveOn(task: ScheduledTask, { input, decisions, together, writes, notes }: MoveContext): Promise<void> {
  const type = decisions.types.get(task.id) ?? null;
  if (type === null) {
    if (await writes.refuse(task.id, noType(task, input.versionsOf(task.type)))) notes.noteRefusal(task.id);
    return;
  }
  const move = decisions.moves.get(task.id) ?? { do: 'wait' };
  const done = await input.around(task, move, () =>
    carryOut(move, task, type, {
      nodes: input.nodes,
      hooks: decisions.hooks,
      validate: input.validate,
      writes,
      wake: (node, id) => notes.noteWork(node, id),
      reserved: together.get(task.id),
    }),
  );
  if (!done) return;
  notes.noteMove(task.id, move.do);
  const nodes = move.do === 'consume-plan' ? (decisions.admissions.get(task.id)?.nodes ?? []) : [];
  for (const node of nodes) notes.noteWork(node, task.id);
}

function noType({ type, typeVersion }: ScheduledTask, registered: readonly string[]): ErrorData {
  if (registered.length > 0) return toErrorData(incompatibleType(type, typeVersion, registered));
  return toErrorData(
    new LongshoreError('TYPE_UNKNOWN', `no executor ever registered ${type}@${typeVersion}; load its package on one`),
  );
}
