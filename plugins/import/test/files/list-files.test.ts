import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withInput } from '../../src/files/open-input.ts';
import { listFiles } from '../../src/files/list-files.ts';

let base: string;
let root: string;
const signal = new AbortController().signal;

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'longshore-files-')));
  root = join(base, 'data');
  await mkdir(join(root, 'sub'), { recursive: true });
  await mkdir(join(base, 'data-2'));
  for (const path of ['data/b.csv', 'data/a.csv', 'data/sub/c.csv', 'data/[x].csv', 'secret.csv', 'data-2/d.csv']) {
    await writeFile(join(base, path), path);
  }
  await symlink(join(base, 'secret.csv'), join(root, 'escape.csv'));
  await symlink(base, join(root, 'out'));
  await symlink(join(root, 'a.csv'), join(root, 'sub/alias.csv'));
  await symlink(root, join(base, 'linked-root'));
});
afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

const listed = async (patterns: string[], roots = [root]): Promise<string[]> =>
  (
    await listFiles(
      patterns.map((pattern) => join(base, pattern)),
      roots,
      signal,
    )
  ).map(({ path }) => path.slice(base.length + 1));

describe('files that may be read', () => {
  test('are sorted, and each comes once, whatever names it', async () => {
    expect(await listed(['data/sub/alias.csv', 'data/sub/*.csv', 'data/b.csv', 'data/{a,b}.csv'])).toEqual([
      'data/a.csv',
      'data/b.csv',
      'data/sub/c.csv',
    ]);
  });

  test('may have the characters of patterns in their names', async () => {
    expect(await listed(['data/[x].csv'])).toEqual(['data/[x].csv']);
  });

  test('may be reached through a root that is a link, and through links into a root', async () => {
    expect(await listed(['linked-root/a.csv'], [join(base, 'linked-root')])).toEqual(['data/a.csv']);
    expect(await listed(['linked-root/a.csv'])).toEqual(['data/a.csv']);
  });

  test('come with their size', async () => {
    expect(await listFiles([join(root, 'a.csv')], [root], signal)).toMatchObject([{ bytes: 10 }]);
  });

  test('lie anywhere when the root is /', async () => {
    expect(await listed(['secret.csv'], ['/'])).toEqual(['secret.csv']);
  });
});

describe('files that may not', () => {
  test.each([
    ['outside of the roots', 'secret.csv', 'not below a folder'],
    ['outside of the roots, and missing', 'nothing.csv', 'not below a folder'],
    ['out of a root by ..', 'data/../secret.csv', 'not below a folder'],
    ['in a folder whose name begins with the root', 'data-2/d.csv', 'not below a folder'],
    ['through a link', 'data/escape.csv', 'a link to a place outside the folders that it may read'],
    ['below a linked folder', 'data/out/secret.csv', 'a link to a place outside the folders that it may read'],
    ['by a pattern outside of the roots', '*.csv', 'not below a folder'],
    ['by a pattern that matches such a link', 'data/e*.csv', 'a link to a place outside the folders that it may read'],
    ['by a pattern below a linked folder', 'data/out/*.csv', 'a link to a place outside the folders that it may read'],
  ])('%s', async (_, pattern, says) => {
    const path = `${base}/${pattern}`;
    await expect(listFiles([path], [root], signal)).rejects.toMatchObject({
      code: 'IMPORT_FILE_FORBIDDEN',
      permanent: true,
      message: expect.stringContaining(says) as unknown,
    });
  });

  test('any, while no folder is allowed: the message says how to allow one', async () => {
    await expect(listed(['data/a.csv'], [])).rejects.toMatchObject({
      code: 'IMPORT_FILE_FORBIDDEN',
      message: expect.stringContaining('LONGSHORE_PLUGIN_SETTINGS={"import":{"roots":["/data"]}}') as unknown,
    });
  });

  test('by a path that is not absolute', async () => {
    await expect(listFiles(['a.csv'], [root], signal)).rejects.toMatchObject({ code: 'IMPORT_FILE_FORBIDDEN' });
    await expect(listFiles(['*.csv'], [root], signal)).rejects.toMatchObject({ code: 'IMPORT_FILE_FORBIDDEN' });
  });
});

// Seen before: the first kept its executor busy for minutes, and the second told the names in a folder that may not be read.
describe('a pattern', () => {
  test.each([
    ['that stands for a million', `data/${'{a,b}'.repeat(20)}.csv`],
    ['that stands for a million within others', `data/{${'{a,b}'.repeat(10)},${'{c,d}'.repeat(10)}}.csv`],
    ['that counts to a million', 'data/{1..1000000}.csv'],
    ['with many stars in a name', `data/${'*a'.repeat(20)}.csv`],
    ['with many folders', `data/${'**/'.repeat(9)}*.csv`],
    ['with repetitions', 'data/+(a|aa|aaa).csv'],
  ])('%s is refused', async (_, pattern) => {
    await expect(listed([pattern])).rejects.toMatchObject({ code: 'IMPORT_META_INVALID', permanent: true });
  });

  test('may stand for some hundred', async () => {
    expect(await listed(['data/{a,b,{c,d}}{.csv,.tsv,{1..100}}'])).toEqual(['data/a.csv', 'data/b.csv']);
  });

  test('that leaves its folder is refused, and nothing is told of what it would find', async () => {
    const found = listFiles([`${root}/*/../../s*.csv`], [root], signal);
    await expect(found).rejects.toMatchObject({ code: 'IMPORT_META_INVALID' });
    await expect(found).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as unknown });
  });

  test('passes over a folder that is excluded, and a path in it is refused', async () => {
    const roots = [root, `!${join(root, 'sub')}`];
    expect(await listed(['data/{a,b}.csv', 'data/**/[abc].csv'], roots)).toEqual(['data/a.csv', 'data/b.csv']);
    await expect(listed(['data/sub/c.csv'], roots)).rejects.toMatchObject({ code: 'IMPORT_FILE_FORBIDDEN' });
    await expect(listed(['data/sub/*.csv'], roots)).rejects.toMatchObject({ code: 'IMPORT_FILE_FORBIDDEN' });
  });
});

test.each([
  ['a path that names nothing', 'data/nothing.csv', 'IMPORT_FILE_MISSING'],
  ['a pattern that matches nothing', 'data/*.txt', 'IMPORT_NO_FILES'],
  ['a pattern that matches folders only', 'data/su[b]', 'IMPORT_NO_FILES'],
  ['a folder', 'data/sub', 'IMPORT_FILE_UNSUPPORTED'],
])('%s is an error', async (_, pattern, code) => {
  await expect(listed([pattern])).rejects.toMatchObject({ code, permanent: true });
});

test('a file that the account may not read is told with what to do', async () => {
  const path = join(root, 'closed.csv');
  await writeFile(path, '1\n');
  await chmod(path, 0o000);
  for (const folder of [base, root]) await chmod(folder, 0o755);
  // Root may read everything, so for this one call the process is nobody.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    const [file] = await listFiles([path], [root], signal);
    await expect(withInput(file!, [root], () => Promise.resolve(null))).rejects.toMatchObject({
      code: 'IMPORT_FILE_UNREADABLE',
      permanent: true,
    });
  } finally {
    if (isRoot) process.seteuid?.(0);
    await rm(path);
  }
});
