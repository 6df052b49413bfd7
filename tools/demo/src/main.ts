import { endWithNpm } from '@longshore/launcher';
import { toErrorText } from './error-text.ts';
import { parseOptions, USAGE } from './demo-options.ts';
import { runDemo } from './run-demo.ts';

endWithNpm();
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
}
process.exitCode = await main();

/** 0: the proof holds; 1: it doesn't, or something failed; 2: wrong usage; 130: Ctrl-C. */
async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === null) {
      say(USAGE);
      return 0;
    }
    return (await runDemo(options, say, stopping.signal)) ? 0 : 1;
  } catch (thrown) {
    if (thrown === stopping.signal.reason) return 130;
    process.stderr.write(`${toErrorText(thrown)}\n`);
    return thrown instanceof RangeError ? 2 : 1;
  }
}
