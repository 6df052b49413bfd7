import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLongshore, startLongshore, type Outcome, type RunningLongshore } from './run-longshore.ts';

/** Sleeping subtasks; the import needs more of a cluster than these tests are about. */
const TOY = fileURLToPath(new URL('../../../test/e2e/src/toy-task-type.ts', import.meta.url));

let folder: string;
let dev: RunningLongshore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-cli-'));
  dev = startLongshore(['dev', '--executors', '1', '--plugin', TOY, '--json'], folder);
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
    stdout: expect.stringMatching(/^task \d+ is paused; "task resume/) as string,
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
  expect(watched.stderr).toContain('is paused; "task resume');
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
  expect(await longshore('task', 'skip', 'held-1', '--wait')).toMatchObject({ code: 0 });

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

test('a second one in the same folder is refused', async () => {
  const second = await longshore('dev', '--plugin', TOY);
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
