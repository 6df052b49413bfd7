import { LongshoreError } from '@longshore/core';
import type { z } from 'zod';

/**
 * A request as its schema has it.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID, whose message names every field that is wrong.
 */
export function parseRequest<T>(schema: z.ZodType<T>, payload: unknown): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`);
  throw new LongshoreError('ARGUMENT_INVALID', issues.join('; '), {
    details: { fields: parsed.error.issues.map((issue) => issue.path.join('.')) },
  });
}
