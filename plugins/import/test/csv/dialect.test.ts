import { expect, test } from 'vitest';
import { copyOptions } from '../../src/csv/copy-options.ts';
import { checkDialect, csvDefaults, tsvDefaults } from '../../src/csv/dialect.ts';

test('the defaults and common variants are accepted', () => {
  checkDialect(csvDefaults);
  checkDialect(tsvDefaults);
  checkDialect({ ...csvDefaults, delimiter: ';', quote: "'", escape: '\\', nullText: '\\N' });
  // Postgres accepts this too: the escape matters within quotes only, the delimiter outside.
  checkDialect({ ...csvDefaults, escape: ',' });
});

test.each([
  [{ delimiter: '' }, 'delimiter must be one ASCII character'],
  [{ delimiter: '||' }, 'delimiter must be one ASCII character'],
  [{ quote: '€' }, 'quote must be one ASCII character'],
  [{ escape: '\0' }, 'escape must be one ASCII character'],
  [{ delimiter: '\n' }, 'delimiter cannot be a line end'],
  [{ quote: '\r' }, 'quote cannot be a line end'],
  [{ delimiter: '"' }, 'delimiter and quote must differ'],
  [{ quote: '\\' }, 'quote cannot be a backslash or a dot'],
  [{ quote: '.' }, 'quote cannot be a backslash or a dot'],
  [{ nullText: 'a\nb' }, 'nullText cannot contain a line end'],
  [{ nullText: 'a,b' }, 'nullText cannot contain the delimiter'],
  [{ nullText: 'a"b' }, 'nullText cannot contain the quote'],
])('%o is refused: %s', (change, message) => {
  expect(() => checkDialect({ ...csvDefaults, ...change })).toThrow(message);
  expect(() => checkDialect({ ...csvDefaults, ...change })).toThrow(
    expect.objectContaining({ code: 'CSV_DIALECT_INVALID', permanent: true, position: null }),
  );
});

test('a dialect becomes the options of COPY, with quotes and backslashes safe', () => {
  expect(copyOptions({ ...tsvDefaults, quote: "'", escape: '\\', nullText: '\\N' })).toBe(
    "(FORMAT csv, ENCODING 'UTF8', DELIMITER E'\t', QUOTE E'''', ESCAPE E'\\\\', NULL E'\\\\N')",
  );
});
