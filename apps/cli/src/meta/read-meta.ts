import { LongshoreError } from '@longshore/core';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setValues } from './set-value.ts';

/**
 * The meta of a submit: the JSON object of a file (`-`: of stdin), then each `--set` over it.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID when the file can't be read or is no JSON object, or a `--set` is invalid.
 */
export function readMeta(
  file: string | undefined,
  assignments: readonly string[],
  cwd: string,
): Record<string, unknown> {
  return setValues(file === undefined ? {} : readObject(file, cwd), assignments);
}

function readObject(file: string, cwd: string): Record<string, unknown> {
  const name = file === '-' ? 'stdin' : file;
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : resolve(cwd, file), 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'the file does not exist' : String(cause);
    throw new LongshoreError('ARGUMENT_INVALID', `--meta ${name} cannot be read: ${reason}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new LongshoreError('ARGUMENT_INVALID', `--meta ${name} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LongshoreError('ARGUMENT_INVALID', `--meta ${name} must be a JSON object`);
  }
  return value as Record<string, unknown>;
}
