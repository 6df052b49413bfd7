import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ABORT_GRACE_MS, claim, NodeGround, toyTask } from '../fixtures/node-ground.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** A subtask that runs and was asked to pause with its task. */
async function pausingOne() {
  const ground = new NodeGround();
  await ground.open(toyTask());
  ground.claimed(claim('7'));
  const pausing = { state: 'pausing', revision: 1, isReserved: true, hasNodes: true, hasOthers: true, isForced: false };
  await ground.look(new Map([['1', pausing]]), performance.now());
  return {
    ground,
    runner: ground.runners[0]!,
    stop: () => {
      const settled = {
        ok: false,
        error: { code: 'SUBTASK_STOPPED', message: 'stopped', permanent: false },
        stopped: 'pause',
        rows: 0,
        bytes: 0,
      } as const;
      ground.host().settled([{ runId: '7', settled, time: null }]);
    },
  };
}

test('a hook that does not stop in its grace time loses its runner', async () => {
  const { runner } = await pausingOne();
  vi.advanceTimersByTime(ABORT_GRACE_MS - 1);
  expect(runner.isAlive).toBe(true);
  vi.advanceTimersByTime(1);
  expect(runner.isAlive).toBe(false);
});

// A timer that names its subtask by id alone ends the attempt that runs when it fires.
test('a pause that is resumed within the grace time of the first attempt leaves the second one alone', async () => {
  const { ground, runner, stop } = await pausingOne();
  stop();
  expect(ground.notedOf('settle')).toMatchObject([{ settlements: [{ id: '7', attempt: 1, how: 'pause' }] }]);
  ground.claimed({ ...claim('7'), attempt: 2 });
  expect(runner.started.map(({ attempt }) => attempt)).toEqual([1, 2]);
  vi.advanceTimersByTime(2 * ABORT_GRACE_MS);
  expect(runner.isAlive).toBe(true);
  expect(ground.state.runs.liveOf('1').get('7')).toMatchObject({ attempt: 2, stopping: null });
});
