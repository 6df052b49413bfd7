import { Argument, Command, Option } from 'commander';
import { BENCHMARKS } from './benchmarks.ts';

const command = new Command('bench')
  .description('Measures Longshore beside peers on this machine, in turn; prints medians and spread.')
  .addArgument(new Argument('<name>', 'which benchmark').choices(BENCHMARKS.map((benchmark) => benchmark.name)))
  .addOption(new Option('--json', 'the last line of stdout is one JSON object with the figures'))
  .addOption(new Option('--rows <count>', 'a smaller size for a quick look').argParser(count))
  .addOption(new Option('--rounds <count>', 'how often each side is run').argParser(count))
  .addHelpText(
    'after',
    ['', 'Benchmarks:', ...BENCHMARKS.map(({ name, description }) => `  ${name.padEnd(12)}${description}`)].join('\n'),
  );
command.parse();

const options = command.opts<{ json?: boolean; rows?: number; rounds?: number }>();
const benchmark = BENCHMARKS.find(({ name }) => name === command.args[0]);
if (benchmark === undefined) throw new Error('unreachable: the argument has choices');
const figures = await benchmark.run({
  rows: options.rows ?? null,
  rounds: options.rounds ?? null,
  say: (line) => void process.stderr.write(`${line}\n`),
});
for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name}: ${value ?? 'not measured'}\n`);
if (options.json === true) process.stdout.write(`${JSON.stringify(figures)}\n`);

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`expected a whole number of at least 1, got ${text}`);
  return value;
}
