import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { runLongshore, SMALL_DEV, startLongshore, startProgram, type RunningLongshore } from './run-longshore.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TOY = join(ROOT, 'test/e2e/src/toy-task-type.ts');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 500 }));

const dataDir = (name: string): string => join(folder, name);
const devFlags = (name: string, plugin = TOY): string[] => [
  'dev',
  ...SMALL_DEV,
  '--plugin',
  plugin,
  '--data-dir',
  dataDir(name),
];

/** A dev cluster that is up: the process ids of its services, and of the one that runs them. */
async function whenUp(dev: RunningLongshore, name: string): Promise<readonly number[]> {
  onTestFinished(async () => {
    dev.child.kill('SIGKILL');
    await dev.ended;
  });
  const said = JSON.parse(await dev.saysLine()) as { readonly processes: { readonly pid: number }[] };
  const { pid } = JSON.parse(readFileSync(join(dataDir(name), 'dev.json'), 'utf8')) as { readonly pid: number };
  return [pid, ...said.processes.map((each) => each.pid)];
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const allGone = (pids: readonly number[]): Promise<void> => expect.poll(() => pids.filter(isAlive)).toEqual([]);
const sql = (name: string, statement: string) =>
  runLongshore(['dev', 'sql', statement, '--server', join(dataDir(name), 'dev.json')], folder);

test('of two dev clusters of one folder the end of one leaves the other as it is', async () => {
  const byNpx = startProgram('npx', ['longshore', ...devFlags('a')], ROOT);
  const b = startLongshore(devFlags('b'), folder);
  const [ofA, ofB] = await Promise.all([whenUp(byNpx, 'a'), whenUp(b, 'b')]);
  expect(await sql('b', 'CREATE TABLE kept (id int)')).toMatchObject({ code: 0 });

  // npx ends at once and hands no signal on.
  byNpx.child.kill('SIGTERM');
  await byNpx.ended;
  await allGone(ofA);
  await expect.poll(() => existsSync(join(dataDir('a'), 'dev.json'))).toBe(false);
  const onA = ['node', 'list', '--server', join(dataDir('a'), 'dev.json')];
  expect(await runLongshore(onA, folder)).toMatchObject({ code: 4 });
  expect(await sql('b', 'TABLE kept')).toMatchObject({ code: 0 });

  // Killed, the other one takes its services with it. What stays is its data, and an address that says it has ended.
  process.kill(ofB[0]!, 'SIGKILL');
  await allGone(ofB);
  const gone = await sql('b', 'TABLE kept');
  expect(gone.code).toBe(4);
  expect(gone.stderr).toContain(`has ended (process ${ofB[0]} is gone)`);

  const again = startLongshore(devFlags('b'), folder);
  await whenUp(again, 'b');
  expect(await sql('b', 'TABLE kept')).toMatchObject({ code: 0 });
  again.child.kill('SIGTERM');
  expect(await again.ended).toMatchObject({ code: 0 });

  // The same version with another schema: the one who develops it is told.
  const changed = join(folder, 'changed-toy.mjs');
  writeFileSync(
    changed,
    `import toy from ${JSON.stringify(TOY)};
    const { version, vendor, validate } = toy.meta['~standard'];
    const jsonSchema = { input: () => ({ type: 'object' }), output: () => ({ type: 'object' }) };
    export default { ...toy, meta: { '~standard': { version, vendor, validate, jsonSchema } } };`,
  );
  const withChanged = startLongshore(devFlags('b', changed), folder);
  await whenUp(withChanged, 'b');
  withChanged.child.kill('SIGTERM');
  expect((await withChanged.ended).stderr).toMatch(
    /^warning: toy@\S+ replaces one of the same version that had other schema/m,
  );
});
