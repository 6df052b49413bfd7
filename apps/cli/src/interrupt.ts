import { EXIT, type ExitCode } from './exit-codes.ts';

/** Why a command was ended from outside. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: ExitCode;

  static is(thrown: unknown): thrown is Interrupted {
    return thrown instanceof Error && thrown.name === 'Interrupted';
  }

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`);
    this.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  }
}

/**
 * One Ctrl-C can arrive twice: from the terminal, and forwarded by the process that started this one. A second one after
 * this time is intended: the process ends at once.
 */
const SAME_INTERRUPT_MS = 1_000;

/** A signal that aborts with `Interrupted` at the first Ctrl-C, SIGTERM, or end of the process that started this one. */
export function interruptSignal(): AbortSignal {
  const interrupted = new AbortController();
  let firstAtMs: number | undefined;
  const interrupt = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void => {
    const reason = new Interrupted(signal);
    firstAtMs ??= performance.now();
    if (performance.now() - firstAtMs > SAME_INTERRUPT_MS) process.exit(reason.exitCode);
    interrupted.abort(reason);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt(signal));
  if (process.channel !== undefined) {
    process.once('disconnect', () => interrupt('SIGHUP'));
    // Being told about the parent's end is no reason to stay.
    process.channel.unref();
  }
  return interrupted.signal;
}
