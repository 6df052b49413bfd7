import {
  hasCode,
  compareRank,
  decideTask,
  eligibleNodes,
  LongshoreError,
  needsPlacement,
  NodeState,
  placementInForce,
  reserveInRankOrder,
  TaskState,
  toErrorData,
  type Admission,
  type NodeId,
  type NodeInfo,
  type PinnedSlots,
  type TaskId,
  type TaskMove,
} from '@longshore/core';
import {
  membershipOf,
  type AdmissionChange,
  type AfterLastStep,
  type ControlMeta,
  type OwnerWrites,
  type ScheduledTask,
  type StoredType,
} from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import { incompatibleType } from './incompatible-type.ts';

/** What a pass needs to know of a task's type. */
type KnownType = Pick<StoredType, 'steps' | 'hooks'>;

/**
 * Of a task that is still to be validated, or whose type nobody ever registered, nobody knows the type: nothing of it has run, so it has no
 * hooks to run either.
 */
const UNRESOLVED: KnownType = { steps: [], hooks: [] };

/** Where a pass says what went wrong with one task. */
export type PassLogger = Pick<Logger, 'error'>;

/** What one pass looks at. */
export interface PassInput {
  readonly tasks: readonly ScheduledTask[];
  readonly nodes: readonly NodeInfo[];
  /** The version of a task's type that it is run by; null: nobody ever registered one. */
  readonly typeOf: (task: ScheduledTask) => Promise<StoredType | null>;
  /** Registered versions of a type that `typeOf` didn't find one for. */
  readonly versionsOf: (type: string) => readonly string[];
  readonly maxScheduledTasks: number;
  /** Slots that nobody may take back. */
  readonly pinned: readonly PinnedSlots[];
  /** Looks at a task that was submitted within a user's transaction. False: nothing was changed. */
  readonly validate: (id: TaskId) => Promise<boolean>;
  /** Sees each move while it is carried out; resolves to what `carryOut` does. */
  readonly around: (task: ScheduledTask, move: TaskMove, carryOut: () => Promise<boolean>) => Promise<boolean>;
}

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
}

/**
 * One scheduling pass: who has slots, then the next move of every task. Reads nothing but its input and the types; what it
 * decides is written task by task, each write checking that its snapshot still holds.
 */
export async function schedulingPass(input: PassInput, writes: OwnerWrites, logger: PassLogger): Promise<PassResult> {
  const ranked = input.tasks.toSorted(compareRank);
  const types = new Map<TaskId, KnownType | null>();
  for (const task of ranked) types.set(task.id, await knownType(task, input));
  const admissions = admit(ranked, types, input);
  const moves = new Map<TaskId, TaskMove>();
  for (const task of ranked) {
    const type = types.get(task.id) ?? null;
    const isAdmitted = (admissions.get(task.id)?.nodes.length ?? 0) > 0;
    // Only what is undone by force asks for it; of a thousand that wait it would be looked up in vain.
    const hasNode = !task.isForced || eligibleNodes(input.nodes, task).none === null;
    if (type === null) continue;
    const needsPlacement = isToBePlaced(task, type, input.nodes);
    moves.set(task.id, decideTask({ ...task, isAdmitted, hasNode, type, needsPlacement }));
  }
  // A task that is admitted and gets its control subtask at once has both written together: one commit less on its way to start.
  const changes = admissionChanges(ranked, admissions);
  const together = new Map(
    changes
      .filter((change) => change.reservedNodes.length > 0 && moves.get(change.taskId)?.do === 'insert-control')
      .map((change) => [change.taskId, change.reservedNodes]),
  );
  await writes.saveAdmissions([
    ...changes.filter((change) => !together.has(change.taskId)),
    ...waitsForHooks(ranked, admissions, moves, input.nodes),
  ]);

  const changed: TaskId[] = [];
  let movesOn = false;
  const stopped: TaskId[] = [];
  const wake = new Map<NodeId, Set<TaskId>>();
  const running = new Set(ranked.filter((task) => task.state === 'running').map((task) => task.id));
  // A running task that has got nodes may have work there already: one that was resumed, or has waited for its slots.
  for (const { taskId, reservedNodes } of changes) {
    if (running.has(taskId)) for (const node of reservedNodes) wakeFor(wake, node, taskId);
  }
  for (const task of ranked) {
    try {
      const type = types.get(task.id) ?? null;
      if (type === null) {
        if (!(await writes.refuse(task.id, noType(task, input.versionsOf(task.type))))) continue;
        changed.push(task.id);
        movesOn = true;
        continue;
      }
      const admission = admissions.get(task.id);
      const move = moves.get(task.id) ?? { do: 'wait' };
      const done = await input.around(task, move, () =>
        carryOut(move, task, type, { ...input, writes, wake, reserved: together.get(task.id) }),
      );
      if (!done) continue;
      changed.push(task.id);
      movesOn ||= !WAITS_FOR_NODES.has(move.do);
      if (CONCERNS_NODES.has(move.do)) stopped.push(task.id);
      if (move.do === 'consume-plan') for (const node of admission?.nodes ?? []) wakeFor(wake, node, task.id);
    } catch (error) {
      // One task that can't be moved must not keep the others waiting.
      if (hasCode(error, 'LEADER_LOST')) throw error;
      if (hasCode(error, 'STORE_UNAVAILABLE')) throw error;
      logger.error({ error, task_id: task.id }, 'a task could not be moved on');
    }
  }
  return { changed, movesOn, wake, stopped, mustMove: changes.some((change) => running.has(change.taskId)) };
}

/** Whether the type is to be asked anew where the current step may run. */
function isToBePlaced(task: ScheduledTask, type: Pick<StoredType, 'hooks'>, nodes: readonly NodeInfo[]): boolean {
  return needsPlacement(task, type, () => membershipFor(task, nodes));
}

/** Names the nodes that a task could use, whatever its type said of them. */
function membershipFor(task: ScheduledTask, nodes: readonly NodeInfo[]): string {
  return membershipOf(eligibleNodes(nodes, task).nodes);
}

/** Moves after which a task usually waits for a node. */
const WAITS_FOR_NODES: ReadonlySet<TaskMove['do']> = new Set(['insert-control', 'consume-plan']);

/**
 * What is known of a task's type; null: it can't be run, and is refused. One that can't be run may be on another way by then: it was
 * refused, paused or canceled, and goes that way to its end.
 */
async function knownType(task: ScheduledTask, { typeOf }: PassInput): Promise<KnownType | null> {
  if (!task.isValidated) return UNRESOLVED;
  const type = await typeOf(task);
  return type === null && task.state !== TaskState.pending && task.step === null ? UNRESOLVED : type;
}

/** Moves after which nodes look at what they run: it may have to stop, or is told of a change. */
const CONCERNS_NODES: ReadonlySet<TaskMove['do']> = new Set(['stop', 'fail', 'suspend', 'apply']);

/** A task that is being modified keeps its slots meanwhile, as its work goes on. */
function keepsSlots({ state, modification }: ScheduledTask): boolean {
  return state === 'modifying' && (modification?.from === 'running' || modification?.from === 'pending');
}

/**
 * Who has slots. A task that is still to be prepared takes no part, since `prepare` may change what it needs; it only says when no
 * node could prepare it.
 */
function admit(
  ranked: readonly ScheduledTask[],
  types: ReadonlyMap<TaskId, KnownType | null>,
  input: PassInput,
): ReadonlyMap<TaskId, Admission> {
  const isUnprepared = (task: ScheduledTask): boolean =>
    task.state === 'pending' && !task.isPrepared && types.get(task.id)?.hooks.includes('prepare') === true;
  const scheduled = ranked.filter(
    (task) => task.isValidated && (task.state === 'running' || task.state === 'pending' || keepsSlots(task)),
  );
  const admissions = [
    ...reserveInRankOrder(
      scheduled.filter((task) => !isUnprepared(task)).map((task) => ({ ...task, placement: placementInForce(task) })),
      input.nodes,
      input.maxScheduledTasks,
      input.pinned,
    ),
    ...scheduled
      .filter(isUnprepared)
      .map((task) => ({ taskId: task.id, nodes: [], waiting: eligibleNodes(input.nodes, task).none })),
  ];
  return new Map(admissions.map((admission) => [admission.taskId, admission]));
}

/** What is different from what is stored, so that a pass without news writes nothing. */
function admissionChanges(
  tasks: readonly ScheduledTask[],
  admissions: ReadonlyMap<TaskId, Admission>,
): readonly (AdmissionChange & { readonly taskId: TaskId; readonly reservedNodes: readonly NodeId[] })[] {
  return tasks.flatMap((task) => {
    const admission = admissions.get(task.id);
    if (admission === undefined) return [];
    const isSame = admission.nodes.join() === task.reserved.join() && isSameWait(admission.waiting, task.waiting);
    return isSame ? [] : [{ taskId: task.id, reservedNodes: admission.nodes, waiting: admission.waiting }];
  });
}

/**
 * Why the hook of a task that takes no part in the admission can't run, such as that of one that is being undone: no node can. It has no
 * slots to wait for.
 */
function waitsForHooks(
  tasks: readonly ScheduledTask[],
  admissions: ReadonlyMap<TaskId, Admission>,
  moves: ReadonlyMap<TaskId, TaskMove>,
  nodes: readonly NodeInfo[],
): readonly AdmissionChange[] {
  return tasks.flatMap((task) => {
    if (admissions.has(task.id)) return [];
    const hasHook = moves.get(task.id)?.do === 'insert-control' || task.controls.some((row) => row.state === 'pending');
    const waiting = hasHook ? eligibleNodes(nodes, task).none : null;
    return isSameWait(waiting, task.waiting) ? [] : [{ taskId: task.id, reservedNodes: null, waiting }];
  });
}

function isSameWait(found: AdmissionChange['waiting'], stored: AdmissionChange['waiting']): boolean {
  return found?.code === stored?.code && found?.message === stored?.message;
}

function wakeFor(wake: Map<NodeId, Set<TaskId>>, node: NodeId, task: TaskId): void {
  wake.set(node, (wake.get(node) ?? new Set()).add(task));
}

interface CarryOutContext {
  readonly nodes: readonly NodeInfo[];
  readonly validate: PassInput['validate'];
  readonly writes: OwnerWrites;
  readonly wake: Map<NodeId, Set<TaskId>>;
  /** Nodes that the task has just been given and that aren't stored yet. */
  readonly reserved: readonly NodeId[] | undefined;
}

async function carryOut(
  move: TaskMove,
  task: ScheduledTask,
  type: KnownType,
  { nodes, validate, writes, wake, reserved }: CarryOutContext,
): Promise<boolean> {
  switch (move.do) {
    case 'wait':
      return false;
    case 'validate':
      return validate(task.id);
    case 'insert-control': {
      const node = nodeForControl({ ...task, reserved: reserved ?? task.reserved }, nodes);
      if (node === null) return false;
      wakeFor(wake, node, task.id);
      const meta: ControlMeta = move.kind === 'place' ? { placedFor: membershipFor(task, nodes) } : {};
      return writes.insertControl(task.id, task.state, move.kind, node, reserved, meta);
    }
    case 'consume-prepare':
      return writes.consumePrepare(task.id, move.control);
    case 'consume-plan': {
      const node = nodeForControl(task, nodes);
      const after: AfterLastStep = type.hooks.includes('onDone') ? { do: 'insert-finish', node } : { do: 'finish' };
      if (node !== null) wakeFor(wake, node, task.id);
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
    case 'restart':
      return writes.restart(task.id);
    case 'apply':
      return writes.apply(task.id, move.control);
    case 'drop':
      return writes.drop(task.id, move.error);
    case 'stop':
      return writes.stop(task.id);
    case 'end-pending':
      return writes.endPending(task.id);
    case 'undo':
      return writes.undo(task.id, move.control, move.skipped);
    case 'archive':
      return writes.archive(task.id, move.skipped);
  }
}

/**
 * Where a control subtask goes: a live node that has the type, one of the task's own where it has some. Different tasks go to
 * different nodes, so that a burst of plans is spread.
 */
function nodeForControl(task: ScheduledTask, nodes: readonly NodeInfo[]): NodeId | null {
  const eligible = eligibleNodes(nodes, task).nodes.filter((node) => node.state === NodeState.live);
  const own = eligible.filter((node) => task.reserved.includes(node.id));
  const candidates = own.length > 0 ? own : eligible;
  return candidates[Number(BigInt(task.id) % BigInt(Math.max(1, candidates.length)))]?.id ?? null;
}

function noType({ type, typeVersion }: ScheduledTask, registered: readonly string[]): ReturnType<typeof toErrorData> {
  if (registered.length > 0) return toErrorData(incompatibleType(type, typeVersion, registered));
  return toErrorData(
    new LongshoreError('TYPE_UNKNOWN', `no executor ever registered ${type}@${typeVersion}; load its package on one`),
  );
}
