import { CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { CliError } from './cli-error.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { Interrupted, interruptSignal } from './interrupt.ts';
import { errorText, exitCodeOf } from './print-error.ts';
import { buildProgram } from './program.ts';

/**
 * Runs one command line in this process: reads its environment, takes its signals, writes on its streams.
 *
 * @param args what follows the program's name.
 * @returns the exit code of the process.
 */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  endQuietlyOnBrokenPipe();
  const context = {
    // npx says so; then a bare `longshore` may not be on the path.
    program: process.env['npm_command'] === 'exec' ? 'npx longshore' : 'longshore',
    env: process.env,
    get cwd(): string {
      return currentFolder();
    },
    signal: interruptSignal(),
    print: (text: string) => void process.stdout.write(`${text}\n`),
    note: (text: string) => void process.stderr.write(`${text}\n`),
    setExitCode: (code: ExitCode) => void (exitCode = code),
  };
  try {
    await buildProgram(context, ownVersion()).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return EXIT.ok;
      // Help instead of a missing command: it has been printed already.
      if (thrown.code === 'commander.help') return EXIT.refused;
      context.note(errorText(thrown, args.includes('--json')));
      return EXIT.refused;
    }
    if (!Interrupted.is(thrown)) context.note(errorText(thrown, args.includes('--json')));
    return exitCodeOf(thrown);
  }
}

/** @throws {CliError} FOLDER_REMOVED when there is no such folder any more. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch (thrown) {
    throw new CliError('FOLDER_REMOVED', 'the folder that this was started in was removed', { cause: thrown });
  }
}

/** `longshore task list | head -1`: the reader has seen enough. */
function endQuietlyOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.ok);
      throw error;
    });
  }
}

function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { readonly version: string }).version;
}
