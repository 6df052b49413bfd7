import { ERROR_CODES, type ErrorCodeInfo } from '@longshore/core';

/** The page of the error codes that the framework raises: one section each, so that a code can be linked to. */
export function errorsPage(): string {
  const codes = Object.entries<ErrorCodeInfo>(ERROR_CODES).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    '# Error codes',
    'Every error of the framework has one of these codes. Their meaning never changes. *Permanent* means that another try cannot ' +
      'help. A *transient* error may pass by itself, and subtasks that fail with it are tried again.',
    'Others have codes of their own, with their own prefix: [import](../../plugins/import/README.md#errors), ' +
      '[add-index](../../plugins/add-index/README.md#errors), [backfill](../../plugins/backfill/README.md#errors), the ' +
      '[effects in a target](../../libs/effects/README.md#errors) and the [command line](../../apps/cli/README.md#error-codes).',
    ...codes.map(([code, info]) => section(code, info)),
  ].join('\n\n');
}

function section(code: string, { permanent, when, why, whatToDo }: ErrorCodeInfo): string {
  return [
    `## ${code}`,
    permanent ? 'Permanent.' : 'Transient.',
    `- **When**: ${when}\n- **Why**: ${why}\n- **What to do**: ${whatToDo}`,
  ].join('\n\n');
}
