import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { preProcessFile } from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePublicTypes, type PublicTypes } from '../src/public-types.ts';
import { readPages, readSnippets, type Snippet } from '../src/read-snippets.ts';
import { SURROUNDINGS } from '../src/snippet-surroundings.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const snippets = readPages(root).flatMap((page) => readSnippets(root, page));
const typescript = snippets.filter(({ language }) => language === 'ts');

test('each snippet says in which language it is, so that it is looked at', () => {
  const known = ['json', 'mermaid', 'sh', 'sql', 'text', 'ts', 'yaml'];
  const others = snippets.filter(({ language }) => !known.includes(language));
  expect(others.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
});

describe('what an application or a task type gets of us', () => {
  let folder: string;
  let types: PublicTypes;
  beforeAll(async () => {
    mkdirSync(join(root, 'tools/docs/out-tsc'), { recursive: true });
    folder = mkdtempSync(join(root, 'tools/docs/out-tsc/snippets-'));
    types = await writePublicTypes(root, folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('every snippet of TypeScript is right by it, in the strictest settings that users have', async () => {
    const used = new Set<string>();
    const files = new Map(typescript.map((snippet) => [nameOf(snippet), wholeFile(snippet, used)]));
    expect(files.size).toBeGreaterThan(15);
    expect(await types.check(new Map([...files, ['mistakes.ts', MISTAKES]]))).toEqual([]);
    expect(Object.keys(SURROUNDINGS).filter((key) => !used.has(key))).toEqual([]);
  });

  test('declarations import only what their package says that it needs', () => {
    const missing: string[] = [];
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const { folder: ours, needed } = packageOf(relative(join(folder, 'types'), file));
      for (const { fileName } of preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
        if (fileName.startsWith('.')) {
          visit(join(dirname(file), fileName.replace(/\.ts$/, '.d.ts')));
          continue;
        }
        const door = types.doors.get(fileName);
        const name = fileName.split('/', fileName.startsWith('@') ? 2 : 1).join('/');
        const isKnown = isBuiltin(fileName) || name === ours || needed.includes(name);
        if (!isKnown) missing.push(`${relative(folder, file)} imports ${fileName}`);
        if (door !== undefined) visit(door);
      }
    };
    for (const door of PUBLIC) visit(types.doors.get(door) ?? door);
    expect(missing).toEqual([]);
    expect(seen.size).toBeGreaterThan(50);
  });
});

/** What the compiler has to see: without an error below it, the remark is one. */
const MISTAKES = `
  import type { LongshoreClient } from '@longshore/client';
  import { importTask } from '@longshore/plugin-import/client';
  declare const client: LongshoreClient;
  const meta = { connection: 'warehouse', table: 'orders', files: '/data/orders.csv' };
  const { rows } = await (await client.submit(importTask, { meta })).result();
  export const counted: number = rows + (await (await client.submit({ type: 'import', meta })).result()).rows;
  // @ts-expect-error -- a field that an import doesn't have
  await client.submit(importTask, { meta: { ...meta, file: '/data/orders.csv' } });
  // @ts-expect-error -- the same by name
  await client.submit({ type: 'import', meta: { connection: 'warehouse' } });
  // @ts-expect-error -- what the import writes itself
  await client.submit(importTask, { meta: { ...meta, prepared: undefined } });
`;

/** What others write imports of. */
const PUBLIC = [
  '@longshore/client',
  '@longshore/sdk',
  '@longshore/sdk/postgres',
  '@longshore/sdk/postgres/kysely',
  '@longshore/testing',
  ...['import', 'add-index', 'backfill'].flatMap((name) => [
    `@longshore/plugin-${name}`,
    `@longshore/plugin-${name}/client`,
  ]),
];

/** Whose declaration a file is, and what comes with that package when it is installed. */
function packageOf(file: string): { readonly folder: string; readonly needed: readonly string[] } {
  const manifest = JSON.parse(
    readFileSync(join(root, ...file.split(sep).slice(0, 2), 'package.json'), 'utf8'),
  ) as Readonly<Record<'dependencies' | 'peerDependencies', Readonly<Record<string, string>> | undefined>> & {
    readonly name: string;
  };
  const needed = [...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.peerDependencies ?? {})];
  // A package without declarations of its own needs those of DefinitelyTyped beside it.
  const typed = needed.filter((name) => name !== 'pg' || needed.includes('@types/pg'));
  return { folder: manifest.name, needed: typed };
}

function nameOf({ page, line }: Snippet): string {
  return `${page.replaceAll('/', '-')}-${line}.ts`;
}

function wholeFile({ page, text }: Snippet, used: Set<string>): string {
  const key = Object.keys(SURROUNDINGS).find((candidate) => `${page}: ${text}`.startsWith(candidate));
  if (key === undefined) return text;
  used.add(key);
  const { before = '', behind = '' } = SURROUNDINGS[key] ?? {};
  return `${before}\n${text}\n${behind}\nexport {};\n`;
}
