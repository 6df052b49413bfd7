import { readFileSync } from 'node:fs';
import { LongshoreError } from '@longshore/core';

type Environment = Readonly<Record<string, string | undefined>>;

/** Behind the name of a variable: this one names a file with the value. */
export const FILE_SUFFIX = '_FILE';

/**
 * A secret from its variable, or from the file that `<NAME>_FILE` names. What stands in a process's environment can be read for as long as it
 * runs, by all code in it and by who may look at the process; a file's mode says who may.
 *
 * @returns undefined when neither is set.
 * @throws {LongshoreError} CONFIG_INVALID when both are set, or the file can't be read or is empty; never with the secret.
 */
export function readSecret(name: string, env: Environment): string | undefined {
  const value = nonEmpty(env[name]);
  const path = nonEmpty(env[`${name}${FILE_SUFFIX}`]);
  if (path === undefined) return value;
  if (value !== undefined) throw invalid(`set ${name} or ${name}${FILE_SUFFIX}, not both`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = String((cause as { readonly code?: unknown }).code);
    throw invalid(`${name}${FILE_SUFFIX} names ${path}, which can't be read (${code})`);
  }
  // Editors and `echo` end a file with a line's end.
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw invalid(`${name}${FILE_SUFFIX} names ${path}, which is empty`);
  return secret;
}

function invalid(message: string): LongshoreError {
  return new LongshoreError('CONFIG_INVALID', message);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
