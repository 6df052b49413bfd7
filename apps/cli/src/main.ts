import { run } from './run.ts';

const exitCode = await run(process.argv.slice(2));
// Nothing may keep the process up once its command is done; what it wrote into a pipe still has to arrive.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
