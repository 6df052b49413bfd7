/** What `launch` starts. */
export interface Program {
  /** As the user typed it, such as `longshore-owner`. */
  readonly name: string;
  /** The package's absolute path; it has `src/main.ts` (checkout) or `dist/main.js` (installed). */
  readonly package: string;
  /** Exit code when there is no Node to run it with. */
  readonly refusal: number;
  /** Keeps compiled code between starts: for what starts often. Default: no. */
  readonly hasCompileCache?: boolean;
}

/**
 * Runs a program of Longshore: under Node 24 where it stands beside the program's package, else under this Node if it is
 * 22.12 or later. An older one gets one line on stderr and the exit code.
 */
export function launch(program: Program): void;

/** Why this Node must not run an installed package, as one line for the user; undefined: it is recent enough. */
export function refusalOf(name: string): string | undefined;

/** Sends this process a SIGTERM once the npm that started it has ended: for programs that `launch` doesn't start. */
export function endWithNpm(): void;
