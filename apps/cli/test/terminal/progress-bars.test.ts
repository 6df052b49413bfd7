import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TestTerminal } from './test-terminal.ts';

const PROGRAM = fileURLToPath(new URL('./draw-progress.ts', import.meta.url));
async function start(size: { readonly columns?: number; readonly rows?: number } = {}): Promise<TestTerminal> {
  const terminal = TestTerminal.start([PROGRAM], '/', size);
  await terminal.shows(/^first$/);
  return terminal;
}

const TASK = 'task 12 import: running, step load';
const SCAN = '  scan ░░░░░░░░░░░░░░░░░░░░░░░░       nothing to do';
const LOAD = '  load █████████░░░░░░░░░░░░░░░  40%  4/10 subtasks  1,234,567 rows  40 MB of 100 MB';
const nodeLine = (number: number): string => `    node-${number}  1 running  0 waiting  0 done`;
const bars = (nodes: number): string[] => [
  TASK,
  SCAN,
  LOAD,
  ...Array.from({ length: nodes }, (_, index) => nodeLine(index + 1)),
];

test('bars stay where they are, remarks stand above them, and what follows below', async () => {
  const terminal = await start();
  terminal.type('nodes 2\n');
  await terminal.shows(/node-2/);
  terminal.type('remark killed executor-1\nnodes 3\nremark it is back\nnodes 1\nnodes 2\n');
  await terminal.shows(/node-2/);
  await expect.poll(() => terminal.lines()).toEqual(['first', 'killed executor-1', 'it is back', ...bars(2)]);
  // Closed twice, as where an error may come between: the proof below stays as it is.
  terminal.type('nodes 1 succeed\nclose\nprint the proof\nclose\nnodes 2\nprint holds\n');
  const end = [TASK.replace('running', 'succeed'), SCAN, LOAD, 'the proof', 'holds'];
  await expect.poll(() => terminal.lines()).toEqual(['first', 'killed executor-1', 'it is back', ...end]);
});

test('a terminal of another size shows them once', async () => {
  const terminal = await start({ columns: 100, rows: 20 });
  terminal.type('nodes 3\n');
  await terminal.shows(/node-3/);
  await terminal.resize(40, 20);
  const cut = (line: string): string => (line.length < 40 ? line : `${line.slice(0, 38)}…`);
  await expect.poll(() => terminal.lines()).toEqual(['first', ...bars(3).map(cut)]);
  await terminal.resize(120, 30);
  await expect.poll(() => terminal.lines()).toEqual(['first', ...bars(3)]);
  terminal.type('remark so wide\n');
  await expect.poll(() => terminal.lines()).toEqual(['first', 'so wide', ...bars(3)]);
});

test('more lines than the terminal has are counted', async () => {
  const terminal = await start({ rows: 8 });
  terminal.type('nodes 20\nnodes 20\nremark still here\nnodes 20\n');
  await expect.poll(() => terminal.lines()).toEqual(['first', 'still here', ...bars(3), '    … and 17 more']);
});

test('a kill leaves the cursor and the modes of the terminal as they were', async () => {
  const terminal = await start();
  terminal.type('nodes 1\n');
  await terminal.shows(/node-1/);
  terminal.kill('SIGKILL');
  await terminal.ended;
  expect(await terminal.lines()).toEqual(['first', ...bars(1)]);
  expect(terminal.isAsBefore).toBe(true);
});
