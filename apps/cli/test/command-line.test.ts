import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BIN, runLongshore, startProgram } from './run-longshore.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const COMMANDS = [
  'dev',
  'submit',
  'task list',
  'task runs',
  'task show',
  'task wait',
  'task watch',
  'task pause',
  'task resume',
  'task modify',
  'task retry',
  'task skip',
  'task revert',
  'task restart',
  'task cancel',
  'task end-clean-up',
  'task events',
  'task subtasks',
  'node list',
  'type list',
  'type show',
  'limits show',
  'limits set',
  'migrate',
];

test.each(COMMANDS)('longshore %s has help with examples, and --json', async (command) => {
  const { code, stdout } = await runLongshore([...command.split(' '), '--help'], folder);
  expect(code).toBe(0);
  expect(stdout).toContain('Examples:');
  expect(stdout).toContain('--json');
});

test('the help names every exit code', async () => {
  const { stdout } = await runLongshore(['--help'], folder);
  expect(stdout).toMatch(
    /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 .*\n {2}4 .*\n {2}5 .*\n {2}6 .*\n {2}7 .*\n {2}8 .*\n {2}130 .*\n {2}143 /,
  );
});

describe('nonsense', () => {
  const cases: { readonly args: string[]; readonly stdin?: string; readonly code: number; readonly error: string }[] = [
    { args: ['tsk'], code: 2, error: "ARGUMENT_INVALID: unknown command 'tsk' (Did you mean task?)" },
    { args: ['task', 'lst'], code: 2, error: "ARGUMENT_INVALID: unknown command 'lst'" },
    { args: ['task', 'show'], code: 2, error: "ARGUMENT_INVALID: missing required argument 'task'" },
    { args: ['task', 'list', 'more'], code: 2, error: 'ARGUMENT_INVALID: too many arguments' },
    { args: ['task', 'list', '--state', 'gone'], code: 2, error: 'ARGUMENT_INVALID' },
    { args: ['task', 'list', '--limit', '-1'], code: 2, error: 'it must be a whole number from 1' },
    { args: ['submit', 'import', '--slots', '1.5'], code: 2, error: 'it must be a whole number from 1 to 4096' },
    { args: ['submit', 'import', '--priority', '1025'], code: 2, error: 'it must be a whole number from 1 to 1024' },
    { args: ['submit', 'import', '--on-failure', 'cry'], code: 2, error: 'Allowed choices are revert, hold' },
    { args: ['submit', 'import', '--deadline', '90'], code: 2, error: "option '--deadline <duration>' argument '90'" },
    { args: ['submit', 'import', '--stall-timeout', '1ms'], code: 2, error: 'it must be from 100ms to' },
    { args: ['submit', 'import', '--retry-factor', '0.5'], code: 2, error: 'it must be a number from 1 to 100' },
    { args: ['submit', 'import', '--selector', 'zone~a'], code: 2, error: 'has none of the forms zone=a, zone!=a' },
    {
      args: ['submit', 'import', '--runtime-steps', 'load'],
      code: 2,
      error: '--runtime-steps needs --max-runtime-slots; give both',
    },
    { args: ['task', 'modify', '1'], code: 2, error: 'name at least one thing to change' },
    { args: ['task', 'modify', '1', '--set', 'batch'], code: 2, error: 'write it as key=value' },
    { args: ['task', 'list', '--outcome', 'good'], code: 2, error: 'Allowed choices are succeeded, failed, canceled' },
    { args: ['task', 'subtasks', '1', '--state', 'gone'], code: 2, error: 'ARGUMENT_INVALID' },
    { args: ['limits', 'set'], code: 2, error: 'name at least one limit' },
    { args: ['limits', 'set', '--max-subtasks-per-step', '0'], code: 2, error: 'a whole number from 1 to 100000000' },
    { args: ['limits', 'set', '--max-scheduled-tasks', '0'], code: 2, error: 'a whole number from 1 to 1000' },
    { args: ['submit', 'import', '--again'], code: 2, error: '--again needs --key' },
    { args: ['dev', '--data-dir', '/dev/null/here'], code: 2, error: 'DEV_DATA_UNUSABLE: the data folder' },
    { args: ['submit', 'import', '--meta', 'nowhere.json'], code: 2, error: 'the file does not exist' },
    { args: ['submit', 'import', '--meta', '-'], stdin: '{', code: 2, error: '--meta stdin is not JSON' },
    { args: ['node', 'list', '--cluster', 'a b'], code: 2, error: 'a cluster name has 1 to 64 letters' },
    { args: ['node', 'list', '--server', 'nats://127.0.0.1:1'], code: 4, error: 'BUS_UNAVAILABLE: cannot connect' },
    { args: ['node', 'list'], code: 4, error: 'CLUSTER_NOT_FOUND: no cluster is named' },
    { args: ['dev', '--executors', '0'], code: 2, error: 'it must be a whole number from 1 to 64' },
    { args: ['dev', '--import-root', 'nowhere'], code: 2, error: 'the folder does not exist' },
    { args: ['migrate'], code: 2, error: 'name the store with --database-url' },
    { args: ['migrate', '--database-url', 'postgres://u:hidden@127.0.0.1:1/x'], code: 4, error: 'STORE_UNAVAILABLE' },
  ];
  test.each(cases)('$args ends with $code', async ({ args, stdin, code, error }) => {
    const outcome = await runLongshore(args, folder, stdin);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toMatch(/^error [A-Z_]+: .*\nwhat to do: .*\n$/);
    expect(outcome.stderr).toContain(error);
    expect(outcome.stderr).not.toContain('hidden');
  });

  test('of a folder that was removed is said in two lines', async () => {
    const gone = mkdtempSync(join(tmpdir(), 'longshore-gone-'));
    // A shell removes the folder that it is in, and calls the program there.
    const script = 'cd "$1" && rmdir "$1" && exec "$2" "$3" task list';
    const outcome = await startProgram('sh', ['-c', script, 'sh', gone, process.execPath, BIN], folder).ended;
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/^error FOLDER_REMOVED: .*\nwhat to do: .*\n$/);
  });

  test('is JSON on stderr for a program', async () => {
    const { code, stdout, stderr } = await runLongshore(['task', 'list', '--limit', 'x', '--json'], folder);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'ARGUMENT_INVALID', permanent: true } });
  });
});
