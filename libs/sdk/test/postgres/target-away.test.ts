import { describe, expect, test } from 'vitest';
import { awayErrorIn, isAway, mayBeAway } from '../../src/postgres/index.ts';
import { serverError } from './server-error.ts';

const networkError = (code: string) => Object.assign(new Error(`connect ${code}`), { code });
const refused = networkError('ECONNREFUSED');

describe('away', () => {
  test.each<readonly [string, Error]>([
    ...['08000', '08006', '57P01', '57P02', '57P03', '53300', '25006'].map(
      (state) => [state, serverError(state)] as const,
    ),
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].map(
      (code) => [code, networkError(code)] as const,
    ),
    ["a pooler's word", serverError('08P01')],
    ['a session that finds a standby', networkError('25006')],
    ['a session that ended', new Error('Connection terminated unexpectedly')],
    ['all addresses of a name', new AggregateError([refused, refused])],
  ])('is %s', (_, error) => expect(isAway(error)).toBe(true));

  test.each<readonly [string, unknown]>([
    ...['25P03', '25P04', '57014', '57P04', '57P05', '53100', '28P01', '40001'].map(
      (state) => [state, serverError(state)] as const,
    ),
    ['a statement that is not formed as it should', serverError('08P01', { routine: 'exec_bind_message' })],
    ['ENOTFOUND', networkError('ENOTFOUND')],
    ['a missing file', networkError('ENOENT')],
    ['one address of two', new AggregateError([refused, new Error('no')])],
    ['what is no error', 'ECONNREFUSED'],
  ])('is not %s', (_, error) => expect(isAway(error)).toBe(false));
});

test.each([
  ['a name that does not resolve', networkError('ENOTFOUND'), true],
  ['a refused login', serverError('28P01'), true],
  ['a missing database', serverError('3D000'), false],
])('%s: only who has been there can tell', (_, error, wanted) => expect(mayBeAway(error)).toBe(wanted));

test('an error that a task type has given words of its own says so by its cause', () => {
  expect(awayErrorIn(new Error('TOY_BROKEN', { cause: new Error('no', { cause: refused }) }))).toBe(refused);
  const own = new Error('it is its own cause');
  own.cause = own;
  expect(awayErrorIn(own)).toBeNull();
});
