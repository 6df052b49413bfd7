import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '@longshore/core';
import { describe, expect, test } from 'vitest';
import { PROVOKED_CODES } from './provoked-codes.ts';
import { testTitles } from './test-titles.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The text of all files that fit one of the patterns. */
function textOf(patterns: readonly string[], isWanted: (file: string) => boolean = () => true): string {
  const files = globSync([...patterns], { cwd: root }).filter(isWanted);
  return files.map((file) => readFileSync(`${root}${file}`, 'utf8')).join('\n');
}

/** Sources of packages and services; the table itself proves nothing. */
const sources = textOf(['libs/*/src/**/*.ts', 'apps/*/src/**/*.ts'], (file) => !file.endsWith('error-codes.ts'));

test.each(Object.keys(ERROR_CODES))('%s is raised somewhere', (code) => {
  expect(sources.includes(`'${code}'`), `nothing raises ${code}: use it or take it out of the table`).toBe(true);
});

test.each(Object.entries(PROVOKED_CODES))('%s is provoked by the test that is named for it', (code, [file, title]) => {
  const text = readFileSync(`${root}${file}`, 'utf8');
  expect(text.includes(code), `${file} says nothing of ${code}`).toBe(true);
  const titles = testTitles(text).filter((one) => one.includes(title));
  expect(titles, `no test of ${file} has the title "${title}"`).not.toEqual([]);
});

/** Who has codes beside those of the framework: where they are made, and where their users read of them. */
const OTHERS = [
  { page: 'plugins/import/README.md', folder: 'plugins/import', made: /'((?:IMPORT|CSV)_[A-Z_]+)'/g },
  { page: 'plugins/add-index/README.md', folder: 'plugins/add-index', made: /'(ADD_INDEX_[A-Z_]+)'/g },
  { page: 'plugins/backfill/README.md', folder: 'plugins/backfill', made: /'(BACKFILL_[A-Z_]+)'/g },
  { page: 'libs/effects/README.md', folder: 'libs/effects', made: /'(EFFECTS_[A-Z_]+)'/g },
  { page: 'apps/cli/README.md', folder: 'apps/cli', made: /^ {2}([A-Z]+(?:_[A-Z]+)+): ['"]/gm },
];

/** An import's user sees what its reader of CSV finds under the prefix of the import, and a wrong dialect as a wrong meta. */
const shownAs = (code: string): string =>
  code === 'CSV_DIALECT_INVALID' ? 'IMPORT_META_INVALID' : code.replace(/^CSV_/, 'IMPORT_');

describe.each(OTHERS)('the codes of $folder', ({ page, folder, made }) => {
  const codes = [
    ...new Set([...textOf([`${folder}/src/**/*.ts`]).matchAll(made)].map(([, code = '']) => shownAs(code))),
  ];
  const rows = readFileSync(`${root}${page}`, 'utf8')
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([, code = '']) => codes.includes(code.replaceAll('`', '')));
  const tests = textOf([`${folder}/test/**/*.ts`, 'test/e2e/test/*.ts']);

  test('are there', () => {
    expect(codes.length).toBeGreaterThan(2);
  });

  test.each(codes)('%s: its page says what happened, and what to do', (code) => {
    const row = rows.find(([, shown = '']) => shown === `\`${code}\``);
    expect(row, `${page} has no row for ${code}`).toBeDefined();
    const [, , ...texts] = row?.slice(0, -1) ?? [];
    expect(texts.length).toBeGreaterThanOrEqual(2);
    for (const text of texts) expect(text).not.toBe('');
  });

  test.each(codes)('%s is provoked by a test', (code) => {
    const isProvoked = tests.includes(code) || tests.includes(code.replace(/^IMPORT_/, 'CSV_'));
    expect(isProvoked, `no test of ${folder} or of test/e2e provokes ${code}`).toBe(true);
  });
});
