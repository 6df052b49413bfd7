import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/** An error as it is stored and sent: plain data that survives transport. */
export interface ErrorData {
  /** Stable; one of the framework's, or a plugin's own. */
  readonly code: string;
  /** What happened, to what, and what to do. */
  readonly message: string;
  /** Whether trying again cannot help. */
  readonly permanent: boolean;
  readonly cause?: ErrorData;
  /** Typed fields of the error, such as the file and line of a bad row. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Thrown by the framework wherever something can't be done. */
export class LongshoreError extends Error {
  override readonly name = 'LongshoreError';
  readonly code: ErrorCode;
  readonly permanent: boolean;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.permanent = ERROR_CODES[code].permanent;
    this.details = options.details;
  }
}

const MAX_CAUSES = 5;
const MAX_MESSAGE_CHARS = 4_000;

/**
 * Any thrown value as data. Errors with a string `code` and a boolean `permanent` keep them; everything else gets
 * `fallbackCode` and counts as transient, so that a passing fault is tried again within the retry policy.
 */
export function toErrorData(thrown: unknown, fallbackCode: ErrorCode = 'INTERNAL', depth = 0): ErrorData {
  if (!(thrown instanceof Error)) {
    return { code: fallbackCode, message: clip(String(thrown)), permanent: ERROR_CODES[fallbackCode].permanent };
  }
  const fields = thrown as Error & { code?: unknown; permanent?: unknown; details?: unknown };
  const coded = typeof fields.code === 'string' && typeof fields.permanent === 'boolean';
  const cause =
    thrown.cause === undefined || depth >= MAX_CAUSES ? undefined : toErrorData(thrown.cause, fallbackCode, depth + 1);
  const details = typeof fields.details === 'object' && fields.details !== null ? fields.details : undefined;
  return {
    code: coded ? (fields.code as string) : fallbackCode,
    message: clip(thrown.message === '' ? thrown.name : thrown.message),
    permanent: coded ? (fields.permanent as boolean) : ERROR_CODES[fallbackCode].permanent,
    ...(cause === undefined ? {} : { cause }),
    ...(details === undefined ? {} : { details: details as Record<string, unknown> }),
  };
}

function clip(message: string): string {
  return message.length <= MAX_MESSAGE_CHARS ? message : `${message.slice(0, MAX_MESSAGE_CHARS)}…`;
}

/** Whether a thrown value is a `LongshoreError` with this code, also across copies of this package. */
export function hasCode(thrown: unknown, code: ErrorCode): boolean {
  return thrown instanceof Error && (thrown as { code?: unknown }).code === code;
}
