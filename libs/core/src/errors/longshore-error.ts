import { brand, hasBrand } from './brand.ts';
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { toJsonData, toStorableData } from '../data/json-data.ts';
import { storableText } from '../data/storable-text.ts';

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

  static {
    brand(this, 'longshore-error');
  }

  /** Whether this is one, also of another copy of this package. */
  static is(thrown: unknown): thrown is LongshoreError {
    return hasBrand(thrown, 'longshore-error');
  }

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
/** A code is a word that programs compare. */
const MAX_CODE_CHARS = 128;
/** Details travel in messages and rows of many errors at once; what a program can act on is far smaller. */
const MAX_DETAILS_CHARS = 32 * 1024;

/**
 * Any thrown value as data. An error with a string `code` and a boolean `permanent` keeps both; one that says only whether it
 * is permanent is believed; everything else gets `fallbackCode` and its permanence, so that a passing fault is tried again
 * within the retry policy. Never throws: a value that throws when it is looked at is an error that says so.
 */
export function toErrorData(thrown: unknown, fallbackCode: ErrorCode = 'INTERNAL'): ErrorData {
  try {
    return read(thrown, fallbackCode, 0);
  } catch {
    const { permanent } = ERROR_CODES[fallbackCode];
    return { code: fallbackCode, message: 'what was thrown throws itself when it is looked at', permanent };
  }
}

function read(thrown: unknown, fallbackCode: ErrorCode, depth: number): ErrorData {
  if (!(thrown instanceof Error)) {
    return { code: fallbackCode, message: clip(describeValue(thrown)), permanent: ERROR_CODES[fallbackCode].permanent };
  }
  const fields = thrown as Error & { code?: unknown; permanent?: unknown; details?: unknown };
  const permanent = typeof fields.permanent === 'boolean' ? fields.permanent : null;
  const cause =
    thrown.cause === undefined || depth >= MAX_CAUSES ? undefined : read(thrown.cause, fallbackCode, depth + 1);
  const details = readDetails(fields.details);
  return {
    code: typeof fields.code === 'string' && permanent !== null ? codeOf(fields.code) : fallbackCode,
    message: clip(describeError(thrown)),
    permanent: permanent ?? ERROR_CODES[fallbackCode].permanent,
    ...(cause === undefined ? {} : { cause }),
    ...(details === undefined ? {} : { details }),
  };
}

function describeError(error: Error): string {
  if (typeof error.message === 'string' && error.message !== '') return error.message;
  // A failed connection to several addresses is one without a message.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(describeThrown).join('; ');
  return error.name;
}

function describeThrown(thrown: unknown): string {
  return thrown instanceof Error ? describeError(thrown) : describeValue(thrown);
}

function describeValue(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(toJsonData(value)) : String(value);
}

function readDetails(details: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const data = toStorableData(details);
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { value: data };
  if (JSON.stringify(data).length <= MAX_DETAILS_CHARS) return data as Record<string, unknown>;
  return { omitted: `the details are larger than ${MAX_DETAILS_CHARS} characters` };
}

function codeOf(code: string): string {
  return storableText(code.slice(0, MAX_CODE_CHARS));
}

function clip(message: string): string {
  return storableText(message.length <= MAX_MESSAGE_CHARS ? message : `${message.slice(0, MAX_MESSAGE_CHARS)}…`);
}

/** Whether a thrown value is a `LongshoreError` with this code, also across copies of this package. */
export function hasCode(thrown: unknown, code: ErrorCode): boolean {
  return thrown instanceof Error && (thrown as { code?: unknown }).code === code;
}
