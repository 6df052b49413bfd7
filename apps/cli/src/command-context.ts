import type { ExitCode } from './exit-codes.ts';

/** What a command gets from the process that it runs in. */
export interface CommandContext {
  /** How the user calls it, for hints that can be typed as they stand: `longshore` or `npx longshore`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the folder that it was started in. */
  readonly cwd: string;
  /** Aborts with `Interrupted` at Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Writes a result, and a line break after it, on stdout. */
  print(text: string): void;
  /** Writes a remark, and a line break after it, on stderr. */
  note(text: string): void;
  /** What the process is to end with; `EXIT.ok` when no command says otherwise. */
  setExitCode(code: ExitCode): void;
}
