import type { ExitCode } from './exit-codes.ts';

/** What a command gets from the process that it runs in. */
export interface CommandContext {
  /** How the user calls the program, for hints that work as printed: `longshore` or `npx longshore`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the folder in which it was started. */
  readonly cwd: string;
  /** Aborts with `Interrupted` at Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Writes a result, and a line break after it, on stdout. */
  print(text: string): void;
  /** Writes a remark, and a line break after it, on stderr. */
  note(text: string): void;
  /** Sets the exit code of the process. Default: `EXIT.ok`. */
  setExitCode(code: ExitCode): void;
}
