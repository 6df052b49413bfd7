import { jsonFault, MAX_CHECKPOINT_BYTES } from '@longshore/core';
import { TaskTypeError, type JsonValue } from '@longshore/sdk';

/**
 * A value as the ledger keeps it. What JSON would change is refused before the commit, because a second attempt gets what the ledger has, and
 * not what the first one returned.
 *
 * @param what how the error calls it, such as `the result of the effect`. Nothing counts as null.
 * @throws {TaskTypeError} EFFECTS_VALUE_INVALID, permanent.
 */
export function ledgerJson(value: JsonValue | undefined, what: string): string {
  const fault = jsonFault(value ?? null);
  if (fault !== null) throw invalid(`${what} is not JSON: ${fault}`);
  const text = JSON.stringify(value ?? null);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_CHECKPOINT_BYTES) throw invalid(`${what} has ${bytes} bytes; the limit is ${MAX_CHECKPOINT_BYTES}`);
  return text;
}

function invalid(message: string): TaskTypeError {
  return new TaskTypeError('EFFECTS_VALUE_INVALID', message);
}
