import { createInterface } from 'node:readline';
import { progressBars } from '../../src/index.ts';
import { detail, node, step } from '../samples.ts';

/** Draws what it is told, a command a line. Its first line says that it listens, and that what is typed isn't shown. */
process.stdin.setRawMode(true);
const display = progressBars(process.stderr);
process.stdout.write('first\n');
for await (const line of createInterface({ input: process.stdin, terminal: false })) {
  const [command, ...words] = line.split(' ');
  const text = words.join(' ');
  if (command === 'remark') display.remark(text);
  if (command === 'close') display.close();
  if (command === 'print') process.stdout.write(`${text}\n`);
  if (command === 'nodes') {
    const nodes = Array.from({ length: Number(words[0]) }, (_, index) => node({ node: `node-${index + 1}` }));
    const task = { key: 'k', ...(words[1] === undefined ? {} : { state: words[1] }) };
    const steps = [
      step({ step: 'scan', subtasks: { total: 0, pending: 0, running: 0, succeeded: 0, failed: 0 } }),
      step({ rows: 1_234_567, bytes: 40_000_000, totalBytes: 100_000_000 }),
    ];
    display.update(detail({ task, steps, nodes }));
  }
}
