import { brand, hasBrand } from './brand.ts';
import type { JsonObject } from './json.ts';

/**
 * A task type throws it when something can't be done. All other errors count as transient and the retry policy tries
 * again, unless `isRetryableError` says otherwise.
 */
export class TaskTypeError extends Error {
  override readonly name = 'TaskTypeError';
  /** Stable, in capitals, with the type's prefix: `IMPORT_FILE_MISSING`. */
  readonly code: string;
  /** True: another attempt can't help, and the subtask fails at once. */
  readonly permanent: boolean;
  /** Typed fields for programs, such as the file and line of a bad row. */
  readonly details: JsonObject | undefined;

  static {
    brand(this, 'task-type-error');
  }

  /** Whether this is one, also of another copy of this package. */
  static is(thrown: unknown): thrown is TaskTypeError {
    return hasBrand(thrown, 'task-type-error');
  }

  constructor(
    code: string,
    message: string,
    options: { readonly permanent?: boolean; readonly cause?: unknown; readonly details?: JsonObject } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.permanent = options.permanent ?? true;
    this.details = options.details;
  }
}
