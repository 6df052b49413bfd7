import { describe, expect, test } from 'vitest';
import { attemptProgressOf } from '../../src/settling/attempt-progress.ts';
import { isSilent, stalledHookError } from '../../src/running/overdue-run.ts';
import { newRun, type Run } from '../../src/running/run.ts';
import { claim, NodeGround, toyTask } from '../fixtures/node-ground.ts';

const STALL_MS = 600_000;
const SINCE = 1_000;

function hook(kind: 'revert' | 'clean' | 'plan', changes: Partial<Run> = {}): Run {
  return { ...newRun({ ...claim('7'), kind }, { id: 'n1', epoch: '1' }), aliveAt: SINCE, ...changes };
}

const LOCKED = { code: 'LOCK_HELD', message: 'pid 7 holds the lock', forMs: 0 };
const THROTTLED = { code: 'THROTTLED', message: 'the budget is spent', since: SINCE };

describe('a hook', () => {
  test.each<[string, Run, boolean, number, boolean | null]>([
    ['goes on as long as it makes progress', hook('revert'), false, STALL_MS - 1, null],
    ['is stopped and tried again when it makes none', hook('revert'), false, STALL_MS, false],
    ['is stopped so whichever it is', hook('plan'), false, STALL_MS, false],
    ['goes on while it says what it waits for', hook('revert', { waiting: LOCKED }), false, STALL_MS * 9, null],
    ['goes on while it waits for its budget', hook('revert', { throttled: THROTTLED }), false, STALL_MS * 9, null],
    ['goes on while it rests', hook('plan', { isResting: true }), false, STALL_MS * 9, null],
    ['has half a minute where its task is forced', hook('revert'), true, 29_999, null],
    ['is stopped for good where its task is forced', hook('revert'), true, 30_000, true],
    ['is stopped so too when it says what it waits for', hook('clean', { waiting: LOCKED }), true, 30_000, true],
    ['that is no undoing is not stopped by force', hook('plan'), true, 30_000, null],
  ])('%s', (_, run, isForced, silentMs, isPermanent) => {
    const error = stalledHookError(run, { hookStallMs: STALL_MS, isForced }, SINCE + silentMs);
    expect(error === null ? null : error.permanent).toBe(isPermanent);
    if (error !== null) expect(error.code).toBe('SUBTASK_STALLED');
  });

  test('is shown to wait when it has made no progress for half a minute, and says how to end it', () => {
    const patience = { hookStallMs: STALL_MS, isForced: false };
    expect(isSilent(hook('revert'), patience, SINCE + 29_999)).toBe(false);
    expect(isSilent(hook('revert'), patience, SINCE + 30_000)).toBe(true);
    expect(isSilent(hook('revert', { waiting: LOCKED }), patience, SINCE + 30_000)).toBe(false);
    const waitingOf = (run: Run) => attemptProgressOf(run, SINCE + 30_000).waiting;
    expect(waitingOf(hook('revert', { isSilent: true }))).toMatchObject({
      code: 'NO_PROGRESS',
      message: expect.stringContaining('longshore task cancel 1 --force') as string,
      forMs: 30_000,
    });
    expect(waitingOf(hook('clean', { isSilent: true }))?.message).toContain('longshore task end-clean-up 1');
    expect(waitingOf(hook('plan', { isSilent: true }))?.message).toContain('longshore task cancel 1 ends it');
  });
});

describe('a node', () => {
  const state = (isForced: boolean) =>
    new Map([
      ['1', { state: 'reverting', revision: 1, isReserved: false, hasNodes: false, hasOthers: true, isForced }],
    ]);

  /** A revert that runs, and when it began. */
  async function reverting() {
    const ground = new NodeGround();
    const task = toyTask({ state: 'reverting' });
    await ground.open(task);
    ground.claimed({ ...claim('7'), kind: 'revert', task });
    await until(() => ground.state.runs.live === 1);
    const run = ground.state.runs.liveOf('1').get('7')!;
    return { ground, run };
  }

  test('asks a revert that hangs to end, and shows before that it makes no progress', async () => {
    const { ground, run } = await reverting();
    await ground.look(state(false), run.aliveAt + 60_000);
    expect([run.stopping, run.isSilent]).toEqual([null, true]);
    ground.node.tell({ kind: 'progress-due' });
    expect(ground.notedOf('save-progress').at(-1)?.runs).toEqual([run]);
    await ground.look(state(false), run.aliveAt + STALL_MS);
    expect(run.stopping).toBe('timeout');
    expect(run.overdue).toMatchObject({ code: 'SUBTASK_STALLED', permanent: false });
  });

  test('lets one go on that makes progress', async () => {
    const { ground, run } = await reverting();
    await ground.look(state(false), run.aliveAt + 60_000);
    const at = run.aliveAt + STALL_MS;
    const progress = { runId: '7', rows: 1, bytes: 0, phase: null, waiting: null, summary: {} };
    ground.node.tell({ kind: 'progressed', taskId: '1', runs: [progress], at });
    await ground.look(state(false), at);
    expect([run.stopping, run.isSilent]).toEqual([null, false]);
  });

  test('ends one for good that hangs once its task is forced', async () => {
    const { ground, run } = await reverting();
    await ground.look(state(true), run.aliveAt + 30_000);
    expect(run.overdue).toMatchObject({ code: 'SUBTASK_STALLED', permanent: true });
  });
});

/** Waits for what follows from promises of this process alone. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    if (turns > 1_000) throw new Error('it does not come to that');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
