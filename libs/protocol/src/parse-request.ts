import { jsonFault, LongshoreError } from '@longshore/core';
import type { z } from 'zod';

/**
 * A request as its schema has it. What JSON, a reader or the store would lose or refuse is refused before, wherever it stands
 * (`jsonFault`): a meta of thousands of levels, a text that no column can hold.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID, whose message names every field that is wrong.
 */
export function parseRequest<T>(schema: z.ZodType<T>, payload: unknown): T {
  const fault = jsonFault(payload);
  if (fault !== null) throw new LongshoreError('ARGUMENT_INVALID', `the request: ${fault}`);
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`);
  throw new LongshoreError('ARGUMENT_INVALID', issues.join('; '), {
    details: { fields: parsed.error.issues.map((issue) => issue.path.join('.')) },
  });
}
