import { describe, expect, test } from 'vitest';
import { ERROR_CODES, isErrorCode } from '../../src/errors/error-codes.ts';
import { hasCode, LongshoreError, toErrorData } from '../../src/errors/longshore-error.ts';

function refuse(): never {
  throw new Error('no');
}

test('an error has the permanence of its code, and the details and the cause that it was given', () => {
  const cause = new Error('below');
  const error = new LongshoreError('META_INVALID', 'path is missing', { cause, details: { field: 'path' } });
  expect(error).toMatchObject({ code: 'META_INVALID', permanent: true, details: { field: 'path' }, cause });
  expect(new LongshoreError('STORE_UNAVAILABLE', 'away').permanent).toBe(false);
});

test('a code is known or not, whatever its name', () => {
  expect(isErrorCode('INTERNAL')).toBe(true);
  expect(isErrorCode('toString')).toBe(false);
  for (const [code, info] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    for (const text of [info.when, info.why, info.whatToDo]) expect(text, code).toMatch(/^[A-Z].{15,}\.$/);
  }
});

test('a code is told from an error of any class that carries it', () => {
  expect(hasCode(new LongshoreError('LEADER_LOST', 'gone'), 'LEADER_LOST')).toBe(true);
  expect(hasCode(Object.assign(new Error('gone'), { code: 'LEADER_LOST' }), 'LEADER_LOST')).toBe(true);
  expect(hasCode({ code: 'LEADER_LOST' }, 'LEADER_LOST')).toBe(false);
  expect(hasCode(new Error('gone'), 'LEADER_LOST')).toBe(false);
});

describe('an error as data', () => {
  test.each([
    ['a getter', Object.defineProperty(new Error('x'), 'message', { get: refuse })],
    ['a proxy', new Proxy({}, { get: refuse, getPrototypeOf: refuse })],
  ])('is one that says so when %s of it throws', (_, thrown) => {
    expect(toErrorData(thrown, 'SUBTASK_FAILED')).toMatchObject({
      code: 'SUBTASK_FAILED',
      message: expect.stringContaining('throws itself') as string,
      permanent: false,
    });
  });

  /** What stays of it after it was sent and stored. */
  const sent = (thrown: unknown): unknown => JSON.parse(JSON.stringify(toErrorData(thrown)));

  test('keeps code, permanence, details and causes', () => {
    const error = new LongshoreError('META_INVALID', 'no path', {
      details: { field: 'path' },
      cause: new LongshoreError('STORE_UNAVAILABLE', 'away', { cause: new Error('ECONNREFUSED') }),
    });
    expect(sent(error)).toEqual({
      code: 'META_INVALID',
      message: 'no path',
      permanent: true,
      details: { field: 'path' },
      cause: {
        code: 'STORE_UNAVAILABLE',
        message: 'away',
        permanent: false,
        cause: { code: 'INTERNAL', message: 'ECONNREFUSED', permanent: false },
      },
    });
  });

  test('survives being sent unchanged', () => {
    const data = toErrorData(
      new LongshoreError('META_INVALID', 'no path', { cause: new Error('x'), details: { a: [1] } }),
    );
    expect(JSON.parse(JSON.stringify(data))).toEqual(data);
    expect(structuredClone(data)).toEqual(data);
  });

  test('a driver’s code is not one of ours: it has no word on permanence', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(sent(refused)).toEqual({ code: 'INTERNAL', message: 'connect ECONNREFUSED', permanent: false });
    expect(toErrorData(refused, 'META_INVALID')).toMatchObject({ code: 'META_INVALID', permanent: true });
  });

  test('an error that says only whether it is permanent is believed', () => {
    const final = Object.assign(new Error('never'), { permanent: true });
    expect(toErrorData(final)).toEqual({ code: 'INTERNAL', message: 'never', permanent: true });
  });

  test.each<[thrown: unknown, message: string]>([
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42n, '42'],
    [Symbol('s'), 'Symbol(s)'],
    [{ reason: 'a plain object' }, '{"reason":"a plain object"}'],
    [Object.create(null), '{}'],
    [new TypeError(''), 'TypeError'],
  ])('%o is told as %j', (thrown, message) => {
    expect(sent(thrown)).toEqual({ code: 'INTERNAL', message, permanent: false });
  });

  test('several errors in one name what they are', () => {
    const refused = new AggregateError([new Error('connect ::1'), new Error('connect 127.0.0.1')]);
    expect(toErrorData(refused).message).toBe('connect ::1; connect 127.0.0.1');
  });

  test('a long message is cut, and says that it was', () => {
    const { message } = toErrorData(new Error('x'.repeat(100_000)));
    expect(message).toHaveLength(4_001);
    expect(message.endsWith('x…')).toBe(true);
  });

  test('a chain of causes ends after a few, also one that bites its tail', () => {
    const error = new Error('round');
    error.cause = error;
    let depth = 0;
    for (let data = toErrorData(error); data.cause !== undefined; data = data.cause) depth += 1;
    expect(depth).toBe(5);
  });

  test('details that JSON cannot carry become what it can', () => {
    const circular: Record<string, unknown> = { name: 'ring' };
    circular['self'] = circular;
    const details = { big: 2n ** 60n, call: () => 1, at: new Date(0), error: new Error('inner'), circular };
    const data = toErrorData(new LongshoreError('INTERNAL', 'odd', { details }));
    expect(structuredClone(data)).toEqual(data);
    expect(data.details).toEqual({
      big: '1152921504606846976',
      at: '1970-01-01T00:00:00.000Z',
      error: { name: 'Error', message: 'inner' },
      circular: { name: 'ring', self: '[circular]' },
    });
  });

  test('details too large to be sent are left out, and the error still arrives', () => {
    const data = toErrorData(new LongshoreError('INTERNAL', 'big', { details: { rows: 'x'.repeat(200_000) } }));
    expect(data.details).toEqual({ omitted: 'the details are larger than 32768 characters' });
  });
});
