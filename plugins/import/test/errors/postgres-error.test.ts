import { isRetryablePostgresError } from '@longshore/sdk';
import { expect, test } from 'vitest';
import { withTableName } from '../../src/errors/postgres-error.ts';

const postgresError = (code: string): Error => Object.assign(new Error('reason'), { code, severity: 'ERROR' });

test.each([
  ['53100', 'IMPORT_DISK_FULL', false],
  ['53400', 'IMPORT_DISK_FULL', false],
  ['55P03', 'IMPORT_TABLE_BUSY', false],
  ['42501', 'IMPORT_NO_PRIVILEGE', true],
  ['42P01', 'IMPORT_TABLE_MISSING', true],
  ['3F000', 'IMPORT_TABLE_MISSING', true],
  ['42703', 'IMPORT_COLUMN_MISSING', true],
])('the server error %s becomes %s', (sqlstate, code, permanent) => {
  const details = { table: 'public.items', sqlstate };
  expect(withTableName(postgresError(sqlstate), 'public.items')).toMatchObject({ code, permanent, details });
});

test.each([
  ['a connection that the server ended', postgresError('57P01'), true],
  ['a server that starts', postgresError('57P03'), true],
  ['a deadlock', postgresError('40P01'), true],
  ['too many connections', postgresError('53300'), true],
  ['a full disk', postgresError('53100'), true],
  ['a standby', postgresError('25006'), true],
  ['a lost connection', new Error('Connection terminated unexpectedly'), true],
  ['an error of the system', Object.assign(new Error('read'), { code: 'EIO' }), true],
  ['a wrong password', postgresError('28P01'), false],
  ['an unknown database', postgresError('3D000'), false],
  ['a syntax error', postgresError('42601'), false],
  ['something unsupported', postgresError('0A000'), false],
])('whether %s may pass by itself', (_, error, retryable) => {
  expect(isRetryablePostgresError(error)).toBe(retryable);
});
