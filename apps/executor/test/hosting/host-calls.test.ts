import type { HostCall } from '@longshore/runner';
import { expect, test } from 'vitest';
import { CallsWaiting, HOST_CALLS } from '../../src/hosting/host-calls.ts';
import { newRun } from '../../src/running/run.ts';
import { claim, NODE, NodeGround, toyTask } from '../fixtures/node-ground.ts';

/** One call of each method, as a runner makes it. */
const CALLS: readonly HostCall[] = [
  { method: 'checkpoint', value: { at: 3 }, kept: { rows: 3, bytes: 9 } },
  { method: 'checkpoint', value: null, kept: { rows: 0, bytes: 0 } },
  { method: 'plan-start', step: 'load' },
  { method: 'plan-placement', placement: { nodeIds: ['n1'] } },
  { method: 'plan-page', page: { step: 'load', subtasks: [{ meta: { from: 0 }, isIdempotent: true }] } },
  { method: 'raise-attempt', past: 3 },
  { method: 'begin-undo' },
  { method: 'gates', readings: [{ isOpen: false, code: 'REPLICA_LAG', message: '9 s' }] },
  { method: 'throttle', cost: { rows: 5 }, isBatch: true },
  { method: 'throttle', cost: {}, isBatch: false },
  { method: 'previous', step: 'load', afterOrdinal: 0 },
];

test.each(CALLS)('a call $method is taken as it is', (call) => {
  expect(HOST_CALLS[call.method].schema.parse(call)).toEqual(call);
});

test('every method has a handler that is tried here', () => {
  expect(Object.keys(HOST_CALLS).toSorted()).toEqual([...new Set(CALLS.map((call) => call.method))].toSorted());
});

test.each<[what: string, call: unknown, message: RegExp]>([
  ['is none of the calls', { method: 'drop-table' }, /there is no call drop-table/],
  ['has an inherited name', { method: 'constructor' }, /there is no call constructor/],
  ['lacks a field', { method: 'previous', step: 'load' }, /afterOrdinal/],
  ['has a field of another sort', { method: 'throttle', cost: { rows: 'many' }, isBatch: true }, /rows/],
  ['saves what is no number', { method: 'checkpoint', value: { at: Number.NaN } }, /"at" is NaN/],
  ['saves what the store can’t hold', { method: 'checkpoint', value: ['a\0'] }, /U\+0000/],
  [
    'plans a short value that takes for ever to walk through',
    {
      method: 'plan-page',
      page: {
        step: 'load',
        subtasks: [{ meta: { last: Array.from({ length: 40_000 }, () => 1) }, isIdempotent: true }],
      },
    },
    /beyond 32,768 values/,
  ],
  ['saves nothing', { method: 'checkpoint' }, /missing/],
  ['raises an attempt beyond its column', { method: 'raise-attempt', past: 2 ** 31 }, /past/],
  [
    'asks from an ordinal beyond its column',
    { method: 'previous', step: 'load', afterOrdinal: 2 ** 40 },
    /afterOrdinal/,
  ],
  ['places on what is no list', { method: 'plan-placement', placement: { nodeIds: 'n1' } }, /nodeIds/],
  [
    'tells a reading without end',
    { method: 'gates', readings: [{ isOpen: true, code: 'X', message: 'x'.repeat(5_000) }] },
    /message/,
  ],
  ['costs more than any budget has', { method: 'throttle', cost: { rows: 1e300 }, isBatch: true }, /rows/],
  ['costs what is no number', { method: 'throttle', cost: { rows: Number.NaN }, isBatch: true }, /rows/],
])('a call that %s is refused', async (_, call, message) => {
  const ground = new NodeGround();
  await ground.open(toyTask());
  ground.claimed(claim('7'));
  await expect(ground.host().call('7', call as HostCall)).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: expect.stringMatching(message),
  });
});

test('a call of what doesn’t run here any more is refused', async () => {
  const ground = new NodeGround();
  await ground.open(toyTask());
  await expect(ground.host().call('7', CALLS[0]!)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
});

test('a run may wait for so many calls of a method at once, and for more when they are answered', async () => {
  const calls = new CallsWaiting();
  const [run, other] = [newRun(claim('7'), NODE), newRun(claim('8'), NODE)];
  const answer = Promise.withResolvers<string>();
  const first = calls.within(run, 'checkpoint', 1, () => answer.promise);
  await expect(calls.within(run, 'checkpoint', 1, () => answer.promise)).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    message: expect.stringMatching(/subtask 7 waits for 1 calls checkpoint/),
  });
  expect(await calls.within(run, 'previous', 1, () => Promise.resolve('page'))).toBe('page');
  expect(await calls.within(other, 'checkpoint', 1, () => Promise.resolve('stored'))).toBe('stored');
  answer.resolve('stored');
  expect(await first).toBe('stored');
  expect(await calls.within(run, 'checkpoint', 1, () => Promise.resolve('again'))).toBe('again');
});
