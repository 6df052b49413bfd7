import { expect, test } from 'vitest';
import { isRetryablePostgresError } from '../../src/postgres/index.ts';
import { serverError } from './server-error.ts';

test.each([
  ['a connection that the server ended', serverError('57P01'), true],
  ['a server that starts', serverError('57P03'), true],
  ['a deadlock', serverError('40P01'), true],
  ['too many connections', serverError('53300'), true],
  ['a full disk', serverError('53100'), true],
  ['a standby', serverError('25006'), true],
  ['a lost connection', new Error('Connection terminated unexpectedly'), true],
  ['an error of the system', Object.assign(new Error('read'), { code: 'EIO' }), true],
  ['a wrong password', serverError('28P01'), false],
  ['an unknown database', serverError('3D000'), false],
  ['a syntax error', serverError('42601'), false],
  ['something unsupported', serverError('0A000'), false],
])('whether %s may pass by itself', (_, error, retryable) => {
  expect(isRetryablePostgresError(error)).toBe(retryable);
});
