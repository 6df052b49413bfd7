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
