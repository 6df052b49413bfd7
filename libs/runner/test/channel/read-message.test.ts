import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runEnd } from '../../src/channel/message-shapes.ts';
import { readMessage } from '../../src/channel/read-message.ts';

const PROGRESS = { runId: '7', rows: 1, bytes: 2, phase: 'sorting', waiting: null, summary: { files: 1 } };
const DONE = { runId: '7', settled: { ok: true, result: { n: 1 }, rows: 1, bytes: 2 }, time: null };

const ends = (value: unknown) => {
  const heard = readMessage(value);
  return typeof heard === 'object' && 'message' in heard && heard.message.kind === 'settled'
    ? heard.message.ends
    : null;
};
const failure = (code: string) => ({ settled: { ok: false, error: { code, permanent: true } } });

describe('progress', () => {
  test.each([
    ['a part of a row', { rows: 0.5 }],
    ['no number', { rows: Number.NaN }],
    ['a number beyond what a number holds', { bytes: 1e308 }],
    ['a number that loses digits', { bytes: 2 ** 53 }],
    ['a negative number', { rows: -1 }],
    ['a text', { rows: '1' }],
    ['a phase that is no text', { phase: { name: 'sorting' } }],
    ['a wait that is none', { waiting: { code: 1, message: 'x', forMs: 0 } }],
    ['a wait without end', { waiting: { code: 'X', message: 'x', forMs: Number.POSITIVE_INFINITY } }],
  ])('with %s is the fault of its run alone', (_, change) => {
    const other = { ...PROGRESS, runId: '8' };
    expect(readMessage({ kind: 'progress', runs: [{ ...PROGRESS, ...change }, other] })).toMatchObject({
      message: { kind: 'progress', runs: [{ runId: '8', rows: 1 }] },
      faults: new Map([['7', { code: 'REPORT_INVALID', permanent: true }]]),
    });
  });

  test('is cut to what is stored of it, and what is no counter is left out', () => {
    const phase = `a\0${'.'.repeat(500)}`;
    const summary = { files: 1, share: 0.5 };
    expect(readMessage({ kind: 'progress', runs: [{ ...PROGRESS, phase, summary }] })).toMatchObject({
      message: { runs: [{ phase: expect.stringMatching(/^a\u2400\.{198}$/) as string, summary: { files: 1 } }] },
    });
  });
});

describe('an end', () => {
  test.each([
    ['no number in its result', { result: { n: Number.NaN }, ok: true, rows: 0, bytes: 0 }],
    ['a bigint in its result', { result: 1n, ok: true, rows: 0, bytes: 0 }],
    ['a NUL in its result', { result: 'a\0b', ok: true, rows: 0, bytes: 0 }],
    ['rows that are none', { result: null, ok: true, rows: -1, bytes: 0 }],
    ['no word on whether it is one', { result: null, rows: 0, bytes: 0 }],
    ['nothing', null],
    [
      'a wait of no length',
      {
        ok: false,
        error: {},
        stopped: null,
        postponed: { code: 'X', message: '', afterMs: Number.NaN },
        rows: 0,
        bytes: 0,
      },
    ],
    ['a reason to stop that there is not', { ok: false, error: {}, stopped: 'because', rows: 0, bytes: 0 }],
  ])('with %s is a failure, and the other ends stay', (_, settled) => {
    expect(
      ends({
        kind: 'settled',
        ends: [
          { ...DONE, settled },
          { ...DONE, runId: '8' },
        ],
      }),
    ).toMatchObject([
      { runId: '7', ...failure('REPORT_INVALID') },
      { runId: '8', settled: { ok: true, result: { n: 1 } } },
    ]);
  });

  test('keeps its error, however that is formed', () => {
    const error = { code: 'IMPORT\ud800', message: 'row \0 is bad', details: { n: 1n }, cause: { message: 7 } };
    expect(
      ends({
        kind: 'settled',
        ends: [{ runId: '7', settled: { ok: false, error, stopped: null, rows: 0, bytes: 0 } }],
      }),
    ).toMatchObject([
      {
        settled: {
          error: {
            code: 'IMPORT\ufffd',
            message: 'row \u2400 is bad',
            permanent: false,
            details: { n: '1' },
            cause: { code: 'SUBTASK_FAILED' },
          },
        },
      },
    ]);
  });

  test.each([
    [{ ...DONE, time: { beganAt: 1, ranMs: 2 }, summary: { files: 1, half: 0.5 }, own: 1 }],
    [{ ...DONE, time: { beganAt: Number.NaN, ranMs: 2 } }],
    [DONE],
  ])('that succeeded is read as its shape says: %j', (end) => {
    expect(ends({ kind: 'settled', ends: [end] })).toEqual([runEnd.parse(end)]);
  });

  test('cannot say itself that it is blameless', () => {
    const settled = { ok: false, error: {}, stopped: null, rows: 0, bytes: 0, isBlameless: true };
    expect(ends({ kind: 'settled', ends: [{ runId: '7', settled }] })?.[0]?.settled).not.toHaveProperty('isBlameless');
  });
});

test.each([
  { kind: 'settled', ends: null },
  { kind: 'settled', ends: [null] },
  { kind: 'settled' },
  { kind: 'progress', runs: {} },
  { kind: 'progress', runs: [{ rows: 1 }] },
  { kind: 'call', callId: '1', runId: '7', call: { method: 'gates' } },
  { kind: 'call', callId: 1, runId: '7', call: null },
  { kind: 'modified', changeId: 1 },
  { kind: 'ready', type: null },
])('%o breaks its runner off', (message) => {
  expect(readMessage(message)).toMatchObject({ broken: expect.any(String) as string });
});

test.each([
  null,
  'settled',
  {},
  { kind: 'log', runId: '7', level: 'fatal', message: 'x', fields: {} },
  { kind: 'log', runId: '7', level: 'info', message: 7, fields: {} },
  { kind: 'hello' },
  { kind: '__proto__' },
])('%o says nothing', (message) => {
  expect(readMessage(message)).toBe('nothing');
});

test('measurements and spans that are none are left out', () => {
  const good = { name: 'rows', kind: 'counter', unit: '', help: '', attributes: {}, values: [1] };
  const bad = [{ ...good, values: [Number.NaN] }, { ...good, kind: 'sum' }, null];
  expect(readMessage({ kind: 'measurements', measurements: [...bad, good] })).toMatchObject({
    message: { measurements: [good] },
  });
  expect(readMessage({ kind: 'spans', runId: '7', spans: [{ name: 'x' }, null] })).toMatchObject({
    message: { spans: [] },
  });
});

test('whatever comes, reading it does not throw', () => {
  const kinds = [
    'ready',
    'load-failed',
    'call',
    'progress',
    'settled',
    'modified',
    'task-ended',
    'measurements',
    'spans',
    'log',
  ];
  const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true });
  const message = fc.record({
    kind: fc.constantFrom(...kinds),
    ...Object.fromEntries(
      ['runs', 'ends', 'call', 'error', 'type', 'fields', 'spans', 'measurements', 'runId'].map((name) => [
        name,
        anything,
      ]),
    ),
  });
  fc.assert(
    fc.property(message, (value) => {
      expect(() => readMessage(value)).not.toThrow();
    }),
  );
});
