import { expect, test } from 'vitest';
import { batchFailure, withTableName } from '../../src/errors/postgres-error.ts';

const postgresError = (code: string): Error => Object.assign(new Error('reason'), { code, severity: 'ERROR' });

test.each([
  ['53100', 'BACKFILL_DISK_FULL', false],
  ['53400', 'BACKFILL_DISK_FULL', false],
  ['42501', 'BACKFILL_NO_PRIVILEGE', true],
  ['42P01', 'BACKFILL_TABLE_MISSING', true],
  ['3F000', 'BACKFILL_TABLE_MISSING', true],
  ['42703', 'BACKFILL_COLUMN_MISSING', true],
])('the server error %s becomes %s', (sqlstate, code, permanent) => {
  const details = { table: 'public.items', sqlstate };
  expect(withTableName(postgresError(sqlstate), 'public.items')).toMatchObject({ code, permanent, details });
});

test.each([
  ['a deadlock', postgresError('40P01'), 'contention'],
  ['a lock timeout', postgresError('55P03'), 'contention'],
  ['a statement timeout', postgresError('57014'), 'contention'],
  ['a serialization failure', postgresError('40001'), 'contention'],
  ['a number out of range', postgresError('22003'), 'row'],
  ['a unique violation', postgresError('23505'), 'row'],
  ["a trigger's exception", postgresError('P0001'), 'row'],
  ['a full disk', postgresError('53100'), 'other'],
  ['a missing column', postgresError('42703'), 'other'],
  ['an ended session', postgresError('57P01'), 'other'],
  ['a lost connection', new Error('Connection terminated unexpectedly'), 'other'],
])('a batch that ended by %s', (_, error, failure) => {
  expect(batchFailure(error)).toBe(failure);
});
