import { expect, test } from 'vitest';
import { parseCopyContext } from '../../src/csv/copy-context.ts';

test.each([
  ['COPY t, line 17, column price: "abc"', { table: 't', copyLine: 17, column: 'price', value: 'abc' }],
  ['COPY t, line 17, column price: null input', { table: 't', copyLine: 17, column: 'price', value: null }],
  ['COPY t, line 17: "a,b"', { table: 't', copyLine: 17, column: null, value: 'a,b' }],
  ['COPY t, line 4294967296', { table: 't', copyLine: 4294967296, column: null, value: null }],
  ['COPY my table, line 2, column a b: ""', { table: 'my table', copyLine: 2, column: 'a b', value: '' }],
  [
    'COPY t, line 2: "say ""x"",\nCOPY u, line 3"',
    { table: 't', copyLine: 2, column: null, value: 'say ""x"",\nCOPY u, line 3' },
  ],
  ['PL/pgSQL function f() line 3 at RAISE\nCOPY t, line 5: "x"', { table: 't', copyLine: 5, column: null, value: 'x' }],
  ['COPY t, Zeile 17, Spalte price: »abc«', { table: 't', copyLine: 17, column: null, value: null }],
])('%s', (where, context) => {
  expect(parseCopyContext(where)).toEqual(context);
});

test.each([[undefined], ['SQL function "f" statement 1'], ['COPY t']])('%s says no line', (where) => {
  expect(parseCopyContext(where)).toBeNull();
});
