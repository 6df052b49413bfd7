import { Command, InvalidArgumentError, Option } from 'commander';
import { brokenPromises } from './report.ts';
import { runSoak } from './run-soak.ts';

const command = new Command('npm run soak --')
  .description(
    'Runs imports, backfills, index builds and tasks of many small subtasks over a cluster whose rows are locked and whose\n' +
      'connections to Postgres, NATS and the target hang or break, beside a rude plugin and hostile requests.\n' +
      'Exit code 0: no task failed, was slowed beyond the documented factor or waited without a reason, and memory is\n' +
      'flat; 1: something of that happened; 2: wrong usage.',
  )
  .addOption(
    new Option('--minutes <count>', 'how long, 1 to 10000').default(30).argParser((text) => {
      const value = Number(text);
      if (value >= 1 && value <= 10_000) return value;
      throw new InvalidArgumentError('It must be a number from 1 to 10000.');
    }),
  )
  .addOption(new Option('--json', 'the last line of stdout is one JSON object with the figures'))
  .addHelpText('after', '\nExamples:\n  npm run soak -- --minutes 3\n  npm run soak -- --minutes 30 --json')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
command.parse();

const options = command.opts<{ minutes: number; json?: boolean }>();
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
}
const figures = await runSoak({
  minutes: options.minutes,
  say: (line) => void process.stderr.write(`${line}\n`),
  signal: stopping.signal,
});
for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name}: ${String(value)}\n`);
const broken = brokenPromises(figures);
for (const line of broken) process.stderr.write(`broken: ${line}\n`);
if (options.json === true) process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exitCode = stopping.signal.aborted ? 130 : broken.length > 0 ? 1 : 0;
