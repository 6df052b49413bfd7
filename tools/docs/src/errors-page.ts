import { ERROR_CODES, type ErrorCodeInfo } from '@longshore/core';
import { table } from './markdown-table.ts';

/** The page of the error codes that the framework raises. */
export function errorsPage(): string {
  const rows = Object.entries<ErrorCodeInfo>(ERROR_CODES).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    '# Error codes',
    'Every error of the framework has one of these codes. Their meaning never changes. *Permanent* means that another try cannot ' +
      'help. Other errors may pass by themselves, and subtasks that fail with them are tried again. Task types have their own ' +
      'codes, with their own prefix.',
    table(
      ['code', 'permanent', 'what happened, and what to do'],
      rows.map(([code, info]) => [`\`${code}\``, info.permanent ? 'yes' : 'no', info.help]),
    ),
  ].join('\n\n');
}
