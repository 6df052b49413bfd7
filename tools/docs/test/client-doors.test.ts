import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Imports a module and prints all that was imported for it. */
const LISTED = (door: string): string => `
  import { registerHooks } from 'node:module';
  const seen = [];
  registerHooks({ resolve: (specifier, context, next) => { seen.push(specifier); return next(specifier, context); } });
  const exported = await import('${door}');
  console.log(JSON.stringify({ seen, exported }));`;

test.each([
  ['import', 'importTask'],
  ['add-index', 'addIndexTask'],
  ['backfill', 'backfillTask'],
])('an application that submits a task of type %s loads nothing of its code', (type, name) => {
  const door = `@longshore/plugin-${type}/client`;
  const args = ['--conditions=@longshore/source', '--input-type=module', '--eval', LISTED(door)];
  const printed = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(JSON.parse(printed)).toEqual({ seen: [door], exported: { [name]: { type } } });
});
