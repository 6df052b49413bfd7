import { DEFAULT_RETRY_POLICY, type TaskChanges } from '@longshore/core';
import fc from 'fast-check';
import * as actions from './actions.ts';
import type { Answers, Ending, SimExecutor } from './sim-executor.ts';
import { DISK_FULL, GHOST } from './toy-types.ts';
import { control, wish, type Control } from './user-controls.ts';
import type { World } from './world.ts';

/** What fast-check is told of the world: enough to leave out commands that would find nothing. */
export interface Known {
  tasks: number;
}

export type Step = fc.AsyncCommand<Known, World>;

interface Act {
  readonly label: string;
  readonly needsTask: boolean;
  readonly submits?: boolean;
  readonly run: (world: World) => Promise<void>;
}

function step(act: Act): Step {
  return {
    check: ({ tasks }) => !act.needsTask || tasks > 0,
    run: async (known, world) => {
      if (act.submits === true) known.tasks += 1;
      await act.run(world);
      await world.look();
    },
    toString: () => act.label,
  };
}

/** Several at the same time. */
function together(acts: readonly Act[]): Step {
  return {
    check: ({ tasks }) => tasks > 0 || acts.some((act) => act.submits),
    run: async (known, world) => {
      for (const act of acts) if (act.submits === true) known.tasks += 1;
      world.isRacing = true;
      const outcomes = await Promise.allSettled(acts.map((act) => act.run(world)));
      world.isRacing = false;
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      await world.look();
    },
    toString: () => `together(${acts.map((act) => act.label).join(', ')})`,
  };
}

const node = fc.constantFrom('n1', 'n2', 'n3');
const which = fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 });
const answers = fc.record({
  rows: fc.integer({ min: 0, max: 6 }),
  isIdempotent: fc.boolean(),
  slots: fc.integer({ min: 1, max: 4 }),
});
const ending = fc.oneof(
  { weight: 9, arbitrary: fc.constant('succeed' as const) },
  { weight: 3, arbitrary: fc.constantFrom('fail' as const, 'fail for now' as const, 'disk full' as const) },
);

const submit = fc
  .record({
    type: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('full', 'bare', 'chain') },
      { weight: 1, arbitrary: fc.constant(GHOST) },
    ),
    priority: fc.constantFrom(1, 512, 1024),
    slots: fc.integer({ min: 1, max: 4 }),
    isWhole: fc.boolean(),
    maxNodes: fc.constantFrom(null, 1, 2),
    onFailure: fc.constantFrom('revert' as const, 'hold' as const),
    pauseOn: fc.constantFrom([], [DISK_FULL]),
    deadlineMs: fc.constantFrom(null, 3_600_000),
  })
  .map(({ isWhole, ...task }): Act => {
    const slotsPerSubtask = isWhole ? task.slots : 1;
    const rest = {
      typeVersion: '1.0.0',
      scope: '',
      // A retry is due at once: what waits for its time is not what is looked for here.
      retry: { ...DEFAULT_RETRY_POLICY, maxFailures: 2, initialMs: 0 },
      meta: {},
      throttle: null,
      gates: null,
      runtimeSlots: null,
      selectors: null,
      subtaskTimeoutMs: null,
      stallTimeoutMs: null,
      trace: null,
      actor: 'client model',
    };
    return {
      label: `submit(${JSON.stringify({ ...task, slotsPerSubtask })})`,
      needsTask: false,
      submits: true,
      run: (world) => actions.submit(world, { ...rest, ...task, slotsPerSubtask }),
    };
  });

const changes: fc.Arbitrary<TaskChanges> = fc.oneof(
  fc.record({ slots: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ priority: fc.constantFrom(1, 1024) }),
  fc.record({ maxNodes: fc.constantFrom(null, 1, 2) }),
  fc.record({ onFailure: fc.constantFrom('revert' as const, 'hold' as const) }),
  fc.record({ deadlineMs: fc.constantFrom(null, 3_600_000) }),
  fc.record({ meta: fc.constant({ speed: 1 }), slots: fc.integer({ min: 1, max: 4 }) }),
);

const asked: fc.Arbitrary<Control> = fc.oneof(
  fc.constantFrom<Control>({ on: 'pause' }, { on: 'pause' }, { on: 'resume' }, { on: 'resume' }),
  fc.constantFrom<Control>({ on: 'retry' }, { on: 'skip' }, { on: 'revert' }, { on: 'cancel', isForced: false }),
  fc.constantFrom<Control>({ on: 'retry' }, { on: 'skip' }, { on: 'cancel', isForced: true }),
  changes.map((some): Control => ({ on: 'modify', changes: some })),
);

const act = (label: string, run: (world: World) => Promise<void>): Act => ({ label, needsTask: true, run });

const blindControl = fc.tuple(fc.nat(4), asked).map(([task, wanted]) =>
  act(`control(${task}, ${JSON.stringify(wanted)})`, async (world) => {
    const id = world.taskAt(task);
    if (id !== null) await control(world, id, wanted);
  }),
);
const fittingControl = fc.tuple(fc.nat(3), fc.nat(11), changes).map(([task, n, changed]) =>
  act(`wish(${task}, ${n}, ${JSON.stringify(changed)})`, async (world) => {
    const id = world.taskAt(task);
    if (id !== null) await wish(world, id, n, changed);
  }),
);

async function endSome(
  executor: SimExecutor | undefined,
  some: readonly number[],
  how: Ending,
  said: Answers,
): Promise<void> {
  await executor?.end(some, how, said);
}

const ownerPass = fc.constant(act('pass', actions.pass));
const lateOwner = fc
  .nat(3)
  .map((index) => act(`lateOwnersPass(${index})`, (world) => actions.lateOwnersPass(world, index)));
const claim = node.map((name) => act(`claim(${name})`, (world) => actions.claim(world, name)));
const lostClaim = node.map((name) => act(`lostClaim(${name})`, (world) => actions.claim(world, name, false)));
const obey = node.map((name) => act(`obey(${name})`, async (world) => world.nodes.get(name)?.obey()));
const reconcile = node.map((name) => act(`reconcile(${name})`, async (world) => world.nodes.get(name)?.reconcile()));
const end = fc
  .tuple(node, which, ending, answers)
  .map(([name, some, how, said]) =>
    act(`end(${name}, ${some.join('+')}, ${how}, ${JSON.stringify(said)})`, (world) =>
      endSome(world.nodes.get(name), some, how, said),
    ),
  );
const advance = fc
  .tuple(node, answers)
  .map(([name, said]) =>
    act(`advance(${name}, ${JSON.stringify(said)})`, async (world) => world.nodes.get(name)?.advance(said)),
  );
const lateEnd = fc
  .tuple(fc.nat(3), which, ending, answers)
  .map(([index, some, how, said]) =>
    act(`lateEnd(${index}, ${some.join('+')}, ${how})`, (world) =>
      endSome(world.zombies[index % Math.max(1, world.zombies.length)], some, how, said),
    ),
  );
const kill = node.map((name) => act(`kill(${name})`, (world) => actions.kill(world, name)));
const partition = fc
  .tuple(node, fc.boolean())
  .map(([name, isFrozen]) =>
    act(`partition(${name}, ${isFrozen ? 'frozen' : 'cut off'})`, (world) => actions.partition(world, name, isFrozen)),
  );
const drain = node.map((name) => act(`drain(${name})`, (world) => actions.drain(world, name)));
const join = fc
  .tuple(node, fc.constantFrom(4, 8))
  .map(([name, slots]) => act(`join(${name}, ${slots})`, (world) => world.join(name, slots)));
const elect = fc.constant(act('elect', (world) => world.electOwner()));
const manage = fc.constant(act('manage', actions.manage));
const balance = fc.constant(act('balance', actions.balance));
const shuffle = fc
  .tuple(fc.nat(4), fc.integer({ min: 1, max: 3 }))
  .map(([task, count]) => act(`shuffle(${task}, ${count})`, (world) => actions.shuffle(world, task, count)));
const deadline = fc.nat(4).map((task) => act(`passDeadline(${task})`, (world) => actions.passDeadline(world, task)));

/** What moves tasks on: without much of it, nothing would get far enough to go wrong. */
const round = fc.tuple(fc.uniqueArray(fc.nat(5), { maxLength: 3 }), answers, ending).map(([some, said, how]) =>
  act(`round(${some.join('+')}, ${how}, ${JSON.stringify(said)})`, async (world) => {
    await actions.manage(world);
    await actions.pass(world);
    for (const name of ['n1', 'n2', 'n3']) {
      await world.nodes.get(name)?.obey();
      await actions.claim(world, name);
    }
    for (const name of ['n1', 'n2', 'n3']) {
      await world.nodes.get(name)?.end(some, how, said);
    }
  }),
);

/** Each as often as its number says. */
function weighted(...all: readonly (readonly [number, fc.Arbitrary<Act>])[]): readonly fc.Arbitrary<Act>[] {
  return all.flatMap(([weight, one]) => Array.from({ length: weight }, () => one));
}

const acts = weighted(
  [3, submit],
  [24, round],
  [14, fittingControl],
  [2, blindControl],
  [3, ownerPass],
  [3, claim],
  [2, obey],
  [3, end],
  [2, advance],
  [1, lateEnd],
  [1, lostClaim],
  [1, reconcile],
  [1, kill],
  [1, partition],
  [1, drain],
  [5, join],
  [1, elect],
  [1, lateOwner],
  [1, manage],
  [1, balance],
  [1, shuffle],
  [1, deadline],
);

/** Steps one after the other: a run of these is the same each time. */
export const steps: fc.Arbitrary<Step>[] = acts.map((one) => one.map(step));

/** Two to five of the actions at the same time, over what the steps between them have made. */
export const racingSteps: fc.Arbitrary<Step>[] = [
  ...[submit, round, round, join, manage].map((one) => one.map(step)),
  ...Array.from({ length: 5 }, () =>
    fc.array(fc.oneof(...acts), { minLength: 2, maxLength: 5 }).map((some) => together(some)),
  ),
];
