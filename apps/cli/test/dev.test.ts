import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runLongshore, SMALL_DEV, startLongshore, type Outcome, type RunningLongshore } from './run-longshore.ts';

/** Sleeping subtasks; the import needs more of a cluster than these tests are about. */
const TOY = fileURLToPath(new URL('../../../test/e2e/src/toy-task-type.ts', import.meta.url));

let folder: string;
let dev: RunningLongshore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-cli-'));
  dev = startLongshore(['dev', ...SMALL_DEV, '--plugin', TOY], folder);
  await dev.says('\n');
});

afterAll(async () => {
  dev.child.kill('SIGKILL');
  await dev.ended;
  // Its Postgres ends by itself, a moment after it.
  rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 500 });
});

const longshore = (...args: string[]): Promise<Outcome> => runLongshore(args, folder);

async function json(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await longshore(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

test('its secrets are in files of its user alone', () => {
  for (const name of ['dev.json', 'pgpass']) {
    expect(statSync(join(folder, '.longshore', name)).mode & 0o777).toBe(0o600);
  }
  expect(readFileSync(join(folder, '.longshore', '.gitignore'), 'utf8')).toBe('*\n');
  // Others may pass through the folder where Postgres runs as another user, and read nothing in it.
  expect(statSync(join(folder, '.longshore')).mode & 0o066).toBe(0);
  const logs = join(folder, '.longshore', 'log');
  expect(statSync(logs).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(logs)) expect(statSync(join(logs, name)).mode & 0o777).toBe(0o600);
});

test('other commands find it and run tasks on it', async () => {
  expect(await json('node', 'list')).toMatchObject({ nodes: [{ id: 'executor-1', state: 'live' }] });
  expect(await json('type', 'list')).toMatchObject({ types: [{ type: 'toy', nodes: ['executor-1'] }] });
  const done = await longshore('submit', 'toy', '--set', 'subtasks=3', '--key', 'three', '--wait');
  expect(done).toMatchObject({ code: 0 });
  expect(done.stdout).toMatch(/^task 1 toy succeeded after .*: 3 rows\n$/);
  expect(done.stderr).toContain('task 1 toy: ');
  expect(await json('task', 'wait', 'three')).toMatchObject({ task: { outcome: 'succeeded', result: { total: 3 } } });
  expect(await json('task', 'show', '1')).toMatchObject({ task: { key: 'three' }, meta: { subtasks: 3 } });
  expect(await json('task', 'list', '--history')).toMatchObject({ tasks: [{ id: '1' }] });
  expect(await json('task', 'events', '1')).toMatchObject({ events: [{ kind: 'submit', to: 'pending' }, {}, {}, {}] });
  expect(await json('task', 'subtasks', '1')).toMatchObject({ hasMore: false });
  for (const command of [
    ['task', 'show', '1'],
    ['task', 'events', '1'],
    ['task', 'subtasks', '1'],
    ['type', 'show', 'toy'],
  ]) {
    expect((await longshore(...command)).stdout, command.join(' ')).toContain('sleep');
  }
});

test('a failed task ends with 1, a canceled one with 5, an unknown one with 3', async () => {
  const failed = await longshore('submit', 'toy', '--set', 'failAlways=[1]', '--wait');
  expect(failed).toMatchObject({ code: 1 });
  expect(failed.stdout).toContain('error TOY_FAILED: subtask 1 was told to fail');

  await longshore('submit', 'toy', '--set', 'sleepMs=60000', '--key', 'long');
  const waiting = longshore('task', 'wait', 'long');
  expect(await longshore('task', 'cancel', 'long', '--wait', '--reason', 'enough')).toMatchObject({ code: 0 });
  expect(await waiting).toMatchObject({ code: 5 });

  expect(await longshore('task', 'show', 'nowhere')).toMatchObject({ code: 3 });
  expect(await longshore('type', 'show', 'nope')).toMatchObject({ code: 3 });
  expect(await longshore('submit', 'nope')).toMatchObject({ code: 3 });
  expect(await longshore('submit', 'toy', '--set', 'subtask=3')).toMatchObject({ code: 2 });
});

test('a Ctrl-C while waiting leaves the task running and says how to go on', async () => {
  const submit = startLongshore(['task', 'watch', 'left', '--json'], folder);
  expect((await submit.ended).code).toBe(3);
  await longshore('submit', 'toy', '--set', 'sleepMs=60000', '--key', 'left');
  const watching = startLongshore(['task', 'watch', 'left', '--json'], folder);
  await watching.says('"state":"running"');
  watching.child.kill('SIGINT');
  expect(await watching.ended).toMatchObject({ code: 130 });
  const waiting = startLongshore(['task', 'cancel', 'left'], folder);
  expect(await waiting.ended).toMatchObject({ code: 0 });
});

test('a task is paused, changed and resumed; whoever watches it is told, and watches on', async () => {
  await longshore('submit', 'toy', '--set', 'subtasks=1', '--set', 'sleepMs=60000', '--key', 'paused');
  const watching = startLongshore(['task', 'watch', 'paused', '--json'], folder);
  await watching.says('"state":"running"');
  const paused = await longshore('task', 'pause', 'paused', '--wait', '--reason', 'look');
  expect(paused).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^task \d+ is paused; resume it: (npx )?longshore task resume \d+$/m) as string,
  });
  await watching.says('"state":"paused"');
  expect((await longshore('task', 'show', 'paused')).stdout).toContain('task resume');
  expect(await json('task', 'modify', 'paused', '--priority', '7', '--deadline', '1h')).toMatchObject({
    changed: true,
    task: { state: 'paused', priority: 7 },
  });
  expect(await longshore('task', 'modify', 'paused', '--set', 'subtasks=1')).toMatchObject({ code: 2 });
  expect(await json('task', 'resume', 'paused')).toMatchObject({ changed: true });
  expect(await longshore('task', 'cancel', 'paused', '--wait')).toMatchObject({ code: 0 });
  const watched = await watching.ended;
  expect(watched.code).toBe(5);
  expect(watched.stderr).toMatch(/is paused; resume it: (npx )?longshore task resume/);
});

test('a task that awaits resolution is retried, left without its failed work, or undone', async () => {
  const awaiting = await longshore(
    ...['submit', 'toy', '--set', 'subtasks=2', '--set', 'failAlways=[1]'],
    ...['--on-failure', 'hold', '--max-failures', '1', '--key', 'held-1', '--wait'],
  );
  expect(awaiting.code).toBe(6);
  expect(awaiting.stdout).toMatch(/awaits resolution: 1 subtask of step sleep failed[^]*task skip/);
  expect(await json('task', 'subtasks', 'held-1', '--state', 'failed', '--step', 'sleep')).toMatchObject({
    subtasks: [{ ordinal: 1, failures: 1 }],
  });
  expect(await longshore('task', 'retry', 'held-1', '--wait')).toMatchObject({ code: 6 });
  expect(await longshore('task', 'skip', 'held-1', '--wait')).toMatchObject({ code: 8 });

  await longshore('submit', 'toy', '--set', 'failAlways=[1]', '--on-failure', 'hold', '--key', 'held-2', '--wait');
  expect(await longshore('task', 'revert', 'held-2', '--wait')).toMatchObject({ code: 0 });
  expect(await json('task', 'list', '--outcome', 'failed', '--key-prefix', 'held-')).toMatchObject({
    tasks: [{ key: 'held-2' }],
  });
  expect(await longshore('task', 'retry', 'held-2')).toMatchObject({ code: 2 });
});

test('limits are shown and set', async () => {
  expect(await json('limits', 'show')).toEqual({ limits: { maxScheduledTasks: 16 } });
  expect(await json('limits', 'set', '--max-scheduled-tasks', '20')).toEqual({ limits: { maxScheduledTasks: 20 } });
  expect((await longshore('limits', 'show')).stdout).toContain('20');
});

describe('dev sql', () => {
  test('runs statements without a psql, and prints what they give', async () => {
    const statements = `CREATE TABLE orders (id int, note text); INSERT INTO orders VALUES (1, 'a'), (2, NULL); TABLE orders`;
    expect(await longshore('dev', 'sql', statements)).toEqual({
      code: 0,
      stdout: 'CREATE\n\nINSERT: 2 rows\n\nid  note\n1   a\n2   NULL\n(2 rows)\n',
      stderr: '',
    });
    expect(await runLongshore(['dev', 'sql'], folder, 'SELECT count(*) FROM orders')).toMatchObject({
      stdout: 'count\n2\n(1 row)\n',
    });
    expect(await json('dev', 'sql', 'TABLE orders')).toEqual({
      results: [
        {
          command: 'SELECT',
          rowCount: 2,
          columns: ['id', 'note'],
          rows: [
            { id: '1', note: 'a' },
            { id: '2', note: null },
          ],
        },
      ],
    });
    const noted = await longshore('dev', 'sql', 'CREATE TABLE IF NOT EXISTS orders ()');
    expect(noted).toMatchObject({ code: 0, stderr: 'NOTICE: relation "orders" already exists, skipping\n' });
  });

  test('says what Postgres refuses', async () => {
    const refused = await longshore('dev', 'sql', 'SELECT * FROM nowhere');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('error SQL_REFUSED: relation "nowhere" does not exist (42P01)');
    const file = await longshore('dev', 'sql', '--file', 'nowhere.sql');
    expect(file.stderr).toContain('error ARGUMENT_INVALID: --file nowhere.sql cannot be read');
  });

  test('a Ctrl-C cancels the statement', async () => {
    const sleeping = startLongshore(['dev', 'sql', `SELECT pg_sleep(600) AS "a sleep"`], folder);
    const sleepers = `SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%"a sleep"'`;
    const count = async (): Promise<string> => (await longshore('dev', 'sql', sleepers)).stdout;
    await expect.poll(count).toContain('\n1\n');
    sleeping.child.kill('SIGINT');
    expect(await sleeping.ended).toMatchObject({ code: 130 });
    await expect.poll(count).toContain('\n0\n');
  });
});

test('its services are called in events as everywhere else', async () => {
  const { events } = (await json('task', 'events', '1')) as { readonly events: { readonly actor: string }[] };
  expect(new Set(events.map(({ actor }) => actor))).toEqual(
    new Set(['api owner-1', 'owner owner-1', 'executor executor-1']),
  );
});

test('a second one in the same folder is refused', async () => {
  const second = await longshore('dev', '--nats-port', '0', '--postgres-port', '0', '--plugin', TOY);
  expect(second).toMatchObject({ code: 2 });
  expect(second.stderr).toContain('error DEV_ALREADY_RUNNING');
});

test('Ctrl-C stops it and takes its addresses away', async () => {
  dev.child.kill('SIGINT');
  expect(await dev.ended).toMatchObject({ code: 0 });
  expect(existsSync(join(folder, '.longshore', 'dev.json'))).toBe(false);
  expect(existsSync(join(folder, '.longshore', 'pgpass'))).toBe(false);
  const after = await longshore('node', 'list');
  expect(after).toMatchObject({ code: 4 });
  expect(after.stderr).toContain('CLUSTER_NOT_FOUND');
});
