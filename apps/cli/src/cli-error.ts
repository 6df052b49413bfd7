/** Codes that only the command line raises, each with what to do. */
export const CLI_ERROR_CODES = {
  DEV_ALREADY_RUNNING: 'Use that cluster, stop it first, or give another folder with --data-dir.',
  DEV_DATA_UNUSABLE: 'Make the folder writable, or give another one with --data-dir.',
  DEV_PORT_IN_USE: 'Give another port with --nats-port or --postgres-port, or 0 for any free one.',
  FOLDER_REMOVED: 'Change to a folder that exists.',
  SQL_REFUSED: 'Correct the statement. What it did before the error was undone, unless it committed itself.',
} as const;
export type CliErrorCode = keyof typeof CLI_ERROR_CODES;

/** A refusal of the command line itself. Another try can't help. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  readonly permanent = true;

  constructor(code: CliErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
