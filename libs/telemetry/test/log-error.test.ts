import { expect, test } from 'vitest';
import { loggedError } from '../src/log-error.ts';

test('an error of a store that is away is logged without its stack', () => {
  const error = Object.assign(new Error('Postgres cannot be reached: connect ECONNREFUSED'), {
    code: 'STORE_UNAVAILABLE',
  });
  expect(loggedError(error)).toEqual({
    type: 'Error',
    code: 'STORE_UNAVAILABLE',
    message: 'Postgres cannot be reached: connect ECONNREFUSED',
  });
});

test('another one keeps it, and what is no error stays as it is', () => {
  expect(loggedError(new TypeError('x is not a function'))).toMatchObject({
    type: 'TypeError',
    stack: expect.stringContaining('log-error.test.ts') as string,
  });
  expect(loggedError({ code: 'STORE_UNAVAILABLE', message: 'as data' })).toEqual({
    code: 'STORE_UNAVAILABLE',
    message: 'as data',
  });
});
