import { describe, expect, test } from 'vitest';
import {
  DEADLINE_EXCEEDED,
  decideTask,
  finishOrSucceed,
  type ControlSnapshot,
  type TaskMove,
  type TaskSnapshot,
} from '../../src/task/decide-task.ts';
import type { ErrorData } from '../../src/errors/longshore-error.ts';
import { subtaskId, taskId } from '../../src/data/ids.ts';
import type { ControlKind } from '../../src/subtask/subtask-kinds.ts';
import { TaskState } from '../../src/task/task-states.ts';

const ERROR: ErrorData = { code: 'TOY_FAILED', message: 'it was told to', permanent: true };
const CONTROL = subtaskId('7');

function task(changes: Partial<TaskSnapshot> = {}): TaskSnapshot {
  return {
    id: taskId('1'),
    state: TaskState.pending,
    step: null,
    onFailure: 'revert',
    modification: null,
    isOverdue: false,
    isForced: false,
    hasNode: true,
    isAdmitted: true,
    type: { steps: ['load', 'verify'], hooks: [] },
    isValidated: true,
    isPrepared: false,
    hookRan: false,
    controls: [],
    hasGates: false,
    needsPlacement: false,
    hasPending: false,
    hasRunning: false,
    firstFailure: null,
    doFailuresPause: false,
    ...changes,
  };
}

function withHooks(...hooks: string[]): Pick<TaskSnapshot, 'type'> {
  return { type: { steps: ['load', 'verify'], hooks } };
}

function control(kind: ControlKind, state: string, error: ErrorData | null = null): Pick<TaskSnapshot, 'controls'> {
  return { controls: [{ id: CONTROL, kind, state, error } satisfies ControlSnapshot] };
}

const insert = (kind: ControlKind): TaskMove => ({ do: 'insert-control', kind });
const WAIT: TaskMove = { do: 'wait' };

type Case = readonly [behaviour: string, snapshot: Partial<TaskSnapshot>, move: TaskMove];

/** What stops, undoes, pauses, changes or cleans up a task needs no slots: it is served when the limit of tasks is reached, too. */
const EITHER_WAY = [
  ['with its slots', { isAdmitted: true }],
  ['while the limit is full', { isAdmitted: false }],
] as const;

describe('pending', () => {
  test.each<Case>([
    ['is planned when it has its slots', {}, insert('plan')],
    ['is validated before anything else', { ...withHooks('prepare'), isValidated: false }, { do: 'validate' }],
    ['waits without slots', { isAdmitted: false }, WAIT],
    ['is prepared first, before it has slots', { ...withHooks('prepare'), isAdmitted: false }, insert('prepare')],
    ['is planned once it is prepared', { ...withHooks('prepare'), isPrepared: true }, insert('plan')],
    ['waits while it is being prepared', { ...withHooks('prepare'), ...control('prepare', 'pending') }, WAIT],
    ['waits while prepare runs', { ...withHooks('prepare'), ...control('prepare', 'running') }, WAIT],
    [
      'takes what prepare found',
      { ...withHooks('prepare'), ...control('prepare', 'succeed') },
      { do: 'consume-prepare', control: CONTROL },
    ],
    [
      'fails with the error of prepare',
      { ...withHooks('prepare'), ...control('prepare', 'failed', ERROR) },
      { do: 'fail', error: ERROR, isUntouched: true },
    ],
    ['waits while it is being planned', control('plan', 'running'), WAIT],
    ['takes a finished plan', control('plan', 'succeed'), { do: 'consume-plan', control: CONTROL }],
    [
      'takes a finished plan also when its slots are gone meanwhile',
      { ...control('plan', 'succeed'), isAdmitted: false },
      { do: 'consume-plan', control: CONTROL },
    ],
    ['fails with the error of the plan', control('plan', 'failed', ERROR), { do: 'fail', error: ERROR }],
    [
      'fails with an explanation when the plan left no error',
      control('plan', 'failed'),
      {
        do: 'fail',
        error: { code: 'INTERNAL', message: 'plan subtask 7 is failed without an error', permanent: true },
      },
    ],
    ['waits for a plan in a state that this build does not know', control('plan', 'hibernating'), WAIT],
    ['fails by its deadline', { isOverdue: true, isAdmitted: false }, { do: 'fail', error: DEADLINE_EXCEEDED }],
  ])('%s', (_, snapshot, move) => {
    expect(decideTask(task(snapshot))).toEqual(move);
  });
});

describe('running', () => {
  const running = (changes: Partial<TaskSnapshot> = {}): TaskSnapshot =>
    task({ state: TaskState.running, step: 'load', hookRan: true, ...changes });

  test.each<Case>([
    ['waits while subtasks are pending', { hasPending: true }, WAIT],
    ['waits while subtasks run', { hasRunning: true }, WAIT],
    ['plans the next step when nothing is left', {}, insert('plan')],
    ['waits for slots before it plans the next step', { isAdmitted: false }, WAIT],
    ['takes the plan of the next step', control('plan', 'succeed'), { do: 'consume-plan', control: CONTROL }],
    [
      'takes it with the next step’s rows pending already',
      { ...control('plan', 'succeed'), hasPending: true },
      { do: 'consume-plan', control: CONTROL },
    ],
    ['waits while the next step is planned', { ...control('plan', 'running'), hasRunning: true }, WAIT],
    ['has its gates read', { hasGates: true, hasPending: true }, insert('gates')],
    ['goes on while its gates are read', { hasGates: true, ...control('gates', 'running') }, insert('plan')],
    ['asks its type anew where it may run', { needsPlacement: true, hasPending: true }, insert('place')],
    ['asks once at a time', { needsPlacement: true, hasPending: true, ...control('place', 'running') }, WAIT],
    [
      'takes what its type said',
      { needsPlacement: true, hasPending: true, ...control('place', 'succeed') },
      { do: 'consume-place', control: CONTROL },
    ],
    [
      'goes on as before when its type could not say',
      { hasPending: true, ...control('place', 'failed', ERROR) },
      { do: 'consume-place', control: CONTROL },
    ],
    ['is planned on while its type is being asked', control('place', 'running'), insert('plan')],
    [
      'waits for its work, not for who reads its gates',
      { hasGates: true, ...control('gates', 'running'), hasRunning: true },
      WAIT,
    ],
    ['has succeeded after its last step', { step: 'verify' }, { do: 'finish', control: null }],
    ['runs onDone after its last step', { step: 'verify', ...withHooks('onDone') }, insert('finish')],
    [
      'succeeds without slots: nothing of it needs any more',
      { step: 'verify', isAdmitted: false },
      { do: 'finish', control: null },
    ],
    ['asks the plugin whether there is another step', { step: 'verify', ...withHooks('nextStep') }, insert('plan')],
    ['waits while onDone runs', { step: 'verify', ...control('finish', 'running'), hasRunning: true }, WAIT],
    [
      'has succeeded when onDone has',
      { step: 'verify', ...control('finish', 'succeed') },
      { do: 'finish', control: CONTROL },
    ],
    [
      'awaits resolution with the error of onDone: all of its work is done',
      { step: 'verify', ...control('finish', 'failed', ERROR) },
      { do: 'fail', error: ERROR, guard: 'a finish hook failed' },
    ],
    [
      'fails with its first failure while others still run',
      { firstFailure: ERROR, hasRunning: true, hasPending: true },
      { do: 'fail', error: ERROR },
    ],
    ['fails with the error of a plan', control('plan', 'failed', ERROR), { do: 'fail', error: ERROR }],
    [
      'pauses when all of its failures are of the kind that pauses it',
      { firstFailure: ERROR, doFailuresPause: true, hasPending: true },
      { do: 'suspend', error: ERROR },
    ],
    [
      'fails by its deadline, whatever it is at',
      { isOverdue: true, hasPending: true, hasRunning: true },
      { do: 'fail', error: DEADLINE_EXCEEDED },
    ],
  ])('%s', (_, snapshot, move) => {
    expect(decideTask(running(snapshot))).toEqual(move);
  });

  test('a step without subtasks is over at once', () => {
    expect(decideTask(running({ hasPending: false, hasRunning: false }))).toEqual(insert('plan'));
  });
});

describe.each(EITHER_WAY)('cancelling %s', (_, admission) => {
  test('is stopped, whatever it has', () => {
    for (const changes of [
      {},
      { hasRunning: true, hasPending: true },
      { firstFailure: ERROR },
      control('plan', 'running'),
    ]) {
      expect(decideTask(task({ state: TaskState.cancelling, ...admission, ...changes }))).toEqual({ do: 'stop' });
    }
  });
});

const END_ALL: TaskMove = { do: 'end-pending' };
const END_HOOKS: TaskMove = { do: 'end-pending', keepsWork: true };

describe.each(EITHER_WAY)('reverting %s', (_, admission) => {
  const reverting = (changes: Partial<TaskSnapshot>): TaskSnapshot =>
    task({ state: TaskState.reverting, step: 'load', hookRan: true, ...withHooks('revert'), ...admission, ...changes });

  test.each<Case>([
    ['ends hooks that wait first', { ...control('plan', 'paused'), hasPending: true, hasRunning: true }, END_HOOKS],
    ['keeps work that waits, since it may still go on', { hasPending: true }, insert('revert')],
    ['ends that work when the hook succeeded', { ...control('revert', 'succeed'), hasPending: true }, END_ALL],
    [
      'ends it when a hook that failed is left out',
      { ...control('revert', 'failed', ERROR), isForced: true, hasPending: true },
      END_ALL,
    ],
    [
      'ends what is pending first where the type has no hook',
      { ...withHooks(), hasPending: true, hasRunning: true },
      END_ALL,
    ],
    ['ends it first when no hook ever ran', { hookRan: false, hasPending: true }, END_ALL],
    ['waits for what runs', { hasPending: true, hasRunning: true }, WAIT],
    ['waits for who reads its gates', control('gates', 'running'), WAIT],
    ['ends who waits to read its gates', control('gates', 'pending'), END_HOOKS],
    ['waits for who asks where it may run', control('place', 'running'), WAIT],
    ['ends who waits to ask where it may run', control('place', 'pending'), END_HOOKS],
    ['is undone by the plugin when nothing runs', {}, insert('revert')],
    ['waits while the revert hook is pending', { ...control('revert', 'pending'), hasPending: true }, WAIT],
    ['waits while it runs', { ...control('revert', 'running'), hasRunning: true }, WAIT],
    ['is undone when the hook succeeded', control('revert', 'succeed'), { do: 'undo', control: CONTROL }],
    [
      'awaits resolution when the hook failed for good',
      control('revert', 'failed', ERROR),
      { do: 'fail', error: ERROR, guard: 'a revert failed' },
    ],
    [
      'goes on without a hook that failed when it is forced',
      { ...control('revert', 'failed', ERROR), isForced: true },
      { do: 'undo', control: null, skipped: 'its revert hook failed: TOY_FAILED: it was told to' },
    ],
    ['waits for a node that can run the hook', { hasNode: false }, insert('revert')],
    [
      'goes on without a hook that no node can run when it is forced',
      { hasNode: false, isForced: true },
      { do: 'undo', control: null, skipped: 'no node can run its revert hook' },
    ],
    [
      'goes on without one that was given to a node that is gone when it is forced',
      { ...control('revert', 'pending'), hasNode: false, isForced: true },
      { do: 'undo', control: null, skipped: 'no node can run its revert hook' },
    ],
    ['runs the hook when it is forced and one can', { isForced: true }, insert('revert')],
    ['calls no hook where the type has none', withHooks(), { do: 'undo', control: null }],
    ['calls no hook when none ever ran', { hookRan: false }, { do: 'undo', control: null }],
    ['is not held up by a failed plan', control('plan', 'failed', ERROR), insert('revert')],
    ['is not held up by a failed subtask', { firstFailure: ERROR }, insert('revert')],
  ])('%s', (_, snapshot, move) => {
    expect(decideTask(reverting(snapshot))).toEqual(move);
  });
});

describe.each(
  [TaskState.succeed, TaskState.failed, TaskState.reverted].flatMap((state) =>
    EITHER_WAY.map(([when, admission]) => [state, when, admission] as const),
  ),
)('%s %s', (state, _, admission) => {
  const ended = (changes: Partial<TaskSnapshot>): TaskSnapshot =>
    task({ state, hookRan: true, ...withHooks('cleanUp'), ...admission, ...changes });

  test.each<Case>([
    ['is cleaned up', {}, insert('clean')],
    ['waits for the clean-up', { ...control('clean', 'running'), hasRunning: true }, WAIT],
    ['leaves for history after it', control('clean', 'succeed'), { do: 'archive' }],
    [
      'leaves also when it failed: a clean-up holds no result back',
      control('clean', 'failed', ERROR),
      { do: 'archive' },
    ],
    ['leaves at once where the type has no such hook', withHooks(), { do: 'archive' }],
    ['leaves at once when no hook ever ran', { hookRan: false }, { do: 'archive' }],
    ['waits for a node that can clean up', { ...control('clean', 'pending'), hasNode: false }, WAIT],
    [
      'leaves without a clean-up that no node can run when it is forced',
      { ...control('clean', 'pending'), hasNode: false, isForced: true },
      { do: 'archive', skipped: 'no node can run its clean-up hook' },
    ],
  ])('%s', (_, snapshot, move) => {
    expect(decideTask(ended(snapshot))).toEqual(move);
  });
});

describe.each(EITHER_WAY)('pausing %s', (_, admission) => {
  const pausing = (changes: Partial<TaskSnapshot>): TaskSnapshot =>
    task({ state: TaskState.pausing, ...admission, ...changes });

  test.each<Case>([
    ['waits for what runs', { hasRunning: true }, WAIT],
    ['waits for who reads its gates', control('gates', 'running'), WAIT],
    ['is paused when nothing runs', { hasPending: true }, { do: 'settle' }],
    [
      'is paused although something failed meanwhile: that is dealt with later',
      { firstFailure: ERROR },
      { do: 'settle' },
    ],
    ['does not end by its deadline, which rests soon', { isOverdue: true }, { do: 'settle' }],
  ])('%s', (_, snapshot, move) => {
    expect(decideTask(pausing(snapshot))).toEqual(move);
  });
});

test.each(EITHER_WAY)('resuming %s goes on at once', (_, admission) => {
  expect(decideTask(task({ state: TaskState.resuming, hasRunning: true, ...admission }))).toEqual({ do: 'continue' });
});

describe.each(EITHER_WAY)('modifying %s', (_, admission) => {
  const modifying = (changes: Partial<TaskSnapshot>): TaskSnapshot =>
    task({ state: TaskState.modifying, ...withHooks('modifyMeta'), ...admission, ...changes });
  const slots = { modification: { from: 'running', changes: { slots: 2 } } } as const;
  const meta = { modification: { from: 'running', changes: { slots: 2, meta: { speed: 1 } } } } as const;

  test.each<Case>([
    [
      'is applied at once when the type needs not be asked',
      { ...slots, hasRunning: true },
      { do: 'apply', control: null },
    ],
    ['asks the type for the new meta', meta, insert('modify')],
    ['waits for the answer', { ...meta, ...control('modify', 'running') }, WAIT],
    ['is applied with the answer', { ...meta, ...control('modify', 'succeed') }, { do: 'apply', control: CONTROL }],
    [
      'is dropped when the type refuses it',
      { ...meta, ...control('modify', 'failed', ERROR) },
      { do: 'drop', error: ERROR },
    ],
  ])('%s', (_, snapshot, move) => {
    expect(decideTask(modifying(snapshot))).toEqual(move);
  });
});

test.each([TaskState.paused, TaskState.awaitingResolution, 'hibernating'])(
  '%s is left alone, whatever it has',
  (state) => {
    const full = { hasPending: true, hasRunning: true, firstFailure: ERROR, hookRan: true };
    for (const changes of [{}, full, control('plan', 'succeed'), control('revert', 'failed', ERROR)]) {
      expect(decideTask(task({ state, ...changes }))).toEqual(WAIT);
    }
  },
);

test('a plan without a further step leads to onDone, or to the end', () => {
  expect(finishOrSucceed(withHooks('onDone'))).toEqual(insert('finish'));
  expect(finishOrSucceed(withHooks())).toEqual({ do: 'finish', control: null });
});

test.each(Object.values(TaskState))(
  'a task that is %s and has a subtask of a kind that this build does not know is left alone',
  (state) => {
    for (const row of ['pending', 'running', 'succeed', 'failed']) {
      const controls = [{ id: CONTROL, kind: 'hibernation', state: row, error: null }];
      expect(decideTask(task({ state, controls, isOverdue: true, step: 'verify' }))).toEqual(WAIT);
    }
  },
);

describe('a task whose type has onTick', () => {
  const running = (changes: Partial<TaskSnapshot> = {}): TaskSnapshot =>
    task({ state: 'running', step: 'load', hookRan: true, ...withHooks('onTick', 'revert', 'cleanUp'), ...changes });
  const tick = (state: string, error: ErrorData | null = null) => control('tick', state, error);

  test.each<Case>([
    ['gets its tick once a step runs', { hasPending: true }, insert('tick')],
    ['has one, whatever its state', { ...tick('pending'), hasPending: true }, WAIT],
    ['gets none before the first step', { state: 'pending', step: null }, insert('plan')],
    ['goes on to the next step beside it', tick('running'), insert('plan')],
    ['fails when it has failed for good', tick('failed', ERROR), { do: 'fail', error: ERROR }],
    ['is not paused before it has stopped', { state: 'pausing', ...tick('running') }, WAIT],
    ['keeps it while its revert waits', { state: 'reverting', ...tick('running'), hasRunning: true }, WAIT],
    ['has it ended when nothing else is left', { state: 'reverting', ...tick('running') }, { do: 'end-side' }],
    ['has no tick begin while it is undone', { state: 'reverting', ...tick('pending') }, END_HOOKS],
    ['is undone after a tick that failed', { state: 'reverting', ...tick('failed', ERROR) }, insert('revert')],
    ['is cleaned up after its tick', { state: 'succeed', ...tick('running') }, { do: 'end-side' }],
    ['is cleaned up when that has ended', { state: 'succeed' }, insert('clean')],
    ['is cleaned up after what still runs', { state: 'reverted', hasRunning: true }, WAIT],
  ])('%s', (_, snapshot, move) => {
    expect(decideTask(running(snapshot))).toEqual(move);
  });
});
