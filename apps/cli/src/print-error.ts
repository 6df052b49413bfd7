import { RemoteError } from '@longshore/client';
import { ERROR_CODES, isErrorCode, toErrorData, type ErrorData } from '@longshore/core';
import { CommanderError } from 'commander';
import { CLI_ERROR_CODES } from './cli-error.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { Interrupted } from './interrupt.ts';
import { plainText } from './output/plain-text.ts';

const NOT_FOUND = new Set(['TASK_NOT_FOUND', 'TYPE_UNKNOWN']);
const UNREACHABLE = new Set(['BUS_UNAVAILABLE', 'BUS_TIMEOUT', 'STORE_UNAVAILABLE', 'CLUSTER_NOT_FOUND']);
const REFUSED = new Set([
  'ARGUMENT_INVALID',
  'DEV_ALREADY_RUNNING',
  'DEV_DATA_UNUSABLE',
  'DEV_PORT_IN_USE',
  'FOLDER_REMOVED',
  'META_INVALID',
  'META_TOO_LARGE',
  'SQL_REFUSED',
  'STATE_CONFLICT',
  'TASK_KEY_TAKEN',
]);

/** The exit code for what a command threw. */
export function exitCodeOf(thrown: unknown): ExitCode {
  if (Interrupted.is(thrown)) return thrown.exitCode;
  const { code } = errorData(thrown);
  if (NOT_FOUND.has(code)) return EXIT.notFound;
  if (UNREACHABLE.has(code)) return EXIT.unreachable;
  if (REFUSED.has(code)) return EXIT.refused;
  // A code of a task type's own: its `modifyMeta` refuses a change.
  if (RemoteError.is(thrown) && thrown.permanent && !isErrorCode(code)) return EXIT.refused;
  return EXIT.fault;
}

/** What is written on stderr for an error: for a person two lines, for a program one JSON document. */
export function errorText(thrown: unknown, asJson: boolean): string {
  const error = errorData(thrown);
  const help = helpOf(error.code);
  if (asJson) return JSON.stringify({ error: help === undefined ? error : { ...error, help } });
  const lines = [`error ${error.code}: ${plainText(error.message)}`];
  if (help !== undefined) lines.push(`what to do: ${help}`);
  return lines.join('\n');
}

function errorData(thrown: unknown): ErrorData {
  if (thrown instanceof CommanderError) {
    return { code: 'ARGUMENT_INVALID', message: thrown.message.replace(/^error: /, ''), permanent: true };
  }
  return toErrorData(thrown);
}

function helpOf(code: string): string | undefined {
  if (Object.hasOwn(CLI_ERROR_CODES, code)) return CLI_ERROR_CODES[code as keyof typeof CLI_ERROR_CODES];
  // The message of a wrong argument already says which one and why.
  if (code === 'ARGUMENT_INVALID') return 'See the same command with --help.';
  return isErrorCode(code) ? ERROR_CODES[code].whatToDo : undefined;
}
