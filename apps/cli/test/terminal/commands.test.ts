import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLongshore, SMALL_DEV, startLongshore, type RunningLongshore } from '../run-longshore.ts';
import { TestTerminal } from './test-terminal.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TOY = fileURLToPath(new URL('../../../../test/e2e/src/toy-task-type.ts', import.meta.url));
/** Longer than any test: subtasks sleep until they are told otherwise, at the end of a part. */
const HELD = ['subtasks=3', 'sleepMs=600000', 'parts=300'].flatMap((value) => ['--set', value]);

let folder: string;
let dev: RunningLongshore;
let executorPid: number;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-cli-'));
  dev = startLongshore(['dev', ...SMALL_DEV, '--plugin', TOY], folder);
  const { processes } = JSON.parse(await dev.saysLine()) as {
    readonly processes: readonly { readonly name: string; readonly pid: number }[];
  };
  executorPid = processes.find(({ name }) => name === 'executor-1')!.pid;
});
afterAll(async () => {
  dev.child.kill('SIGKILL');
  await dev.ended;
  rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 500 });
});

async function longshore(...args: string[]): Promise<string> {
  const outcome = await runLongshore(args, folder);
  expect(outcome, args.join(' ')).toMatchObject({ code: 0 });
  return outcome.stdout;
}

const like = (line: RegExp): string => expect.stringMatching(line) as string;

test('submit --wait ends with what became of the task, whatever came between', async () => {
  const terminal = TestTerminal.start([MAIN, 'submit', 'toy', ...HELD, '--key', 'held', '--wait'], folder);
  await terminal.shows(/^task 1 toy: running, step sleep/m);
  await terminal.shows(/^ {4}executor-1 {2}1 running/m);
  await terminal.resize(60, 12);
  process.kill(executorPid, 'SIGKILL');
  // Its successor takes the work over.
  await terminal.shows(/^task 1 toy: running, step sleep, \d subtasks? re-run/m);
  await terminal.resize(110, 30);
  await longshore('task', 'modify', 'held', '--set', 'sleepMs=1');
  expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  await terminal.shows(/^task 1 toy succeeded/m);
  expect(await terminal.lines()).toEqual([
    'task 1 submitted',
    like(/^task 1 toy: succeed, step count, \d subtasks? re-run$/),
    like(/^ {2}sleep █{24} 100% {2}3\/3 subtasks/),
    like(/^ {2}count █{24} 100% {2}1\/1 subtasks/),
    like(/^task 1 toy succeeded after .*: 3 rows/),
  ]);
});

test('task watch says of each pause once, and ends at a Ctrl-C with what is there', async () => {
  await longshore('submit', 'toy', ...HELD, '--key', 'watched');
  const terminal = TestTerminal.start([MAIN, 'task', 'watch', 'watched'], folder);
  const [running, paused] = [/^task 2 toy: running/m, /^task 2 toy: paused/m];
  await terminal.shows(running);
  for (const size of [60, 90]) {
    await longshore('task', 'pause', 'watched', '--wait');
    await terminal.shows(paused);
    await terminal.resize(size, 20);
    await longshore('task', 'resume', 'watched');
    await terminal.shows(running);
  }
  terminal.type('\x03');
  expect(await terminal.ended).toMatchObject({ exitCode: 130 });
  await terminal.shows(/^cancel it/m);
  const remark = like(/^still waiting: task 2 is paused; resume it: (npx )?longshore task resume 2$/);
  expect(await terminal.lines()).toEqual([
    remark,
    remark,
    like(/^task 2 toy: running, step sleep/),
    like(/^ {2}sleep ░{24} {3}0% {2}0\/3 subtasks/),
    like(/^ {4}executor-1 /),
    like(/^(\^C)?$/),
    'task 2 continues.',
    like(/^watch it: {2}(npx )?longshore task watch 2$/),
    like(/^cancel it: (npx )?longshore task cancel 2$/),
  ]);
});
