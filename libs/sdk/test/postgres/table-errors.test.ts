import { describe, expect, test } from 'vitest';
import { errorMaker } from '../../src/index.ts';
import { tableErrors, tableTrouble } from '../../src/postgres/index.ts';
import { serverError } from './server-error.ts';

test.each([
  ['53100', 'noRoom'],
  ['53400', 'noRoom'],
  ['55P03', 'locked'],
  ['42501', 'noPrivilege'],
  ['42P01', 'tableMissing'],
  ['3F000', 'tableMissing'],
  ['42703', 'columnMissing'],
  ['42P07', 'nameTaken'],
  ['23505', 'duplicateKey'],
  ['23514', 'rowRefused'],
  ['22003', 'rowRefused'],
  ['44000', 'rowRefused'],
  ['54000', 'rowRefused'],
  ['P0001', 'rowRefused'],
  ['40P01', null],
  ['57P01', null],
])('the server error %s is trouble of the kind %s', (sqlstate, trouble) => {
  expect(tableTrouble(serverError(sqlstate))).toBe(trouble);
});

describe('errors about a table', () => {
  const make = errorMaker<'T_LOCKED' | 'T_ROW'>(['T_LOCKED']);
  const withTable = tableErrors(make, {
    locked: { code: 'T_LOCKED', message: (table, { message }) => `${table} is locked (${message})` },
    rowRefused: {
      code: 'T_ROW',
      message: (table) => `a row of ${table}`,
      details: ({ detail }) => ({ detail: detail ?? null }),
    },
  });

  test('get the code and the message of the type, and name table and state', () => {
    const cause = serverError('55P03');
    expect(withTable(cause, 'public.t')).toMatchObject({
      code: 'T_LOCKED',
      permanent: false,
      message: 'public.t is locked (reason)',
      details: { table: 'public.t', sqlstate: '55P03' },
      cause,
    });
  });

  test('may have details of the type', () => {
    const details = { table: 't', sqlstate: '22003', detail: 'too large' };
    expect(withTable(serverError('22003', { detail: 'too large' }), 't')).toMatchObject({ permanent: true, details });
  });

  test('speak of a row where a type has no word for a duplicate key', () => {
    expect(withTable(serverError('23505'), 't')).toMatchObject({ code: 'T_ROW' });
  });

  test.each([
    ['a kind without a text', serverError('42501')],
    ['what is no trouble with a table', serverError('57P01')],
    ['what is no error of the server', new Error('Connection terminated unexpectedly')],
  ])('stay as they are: %s', (_, error) => {
    expect(withTable(error, 't')).toBe(error);
  });
});
