import type { ErrorData } from '@longshore/core';
import { z } from 'zod';

/** An error as it travels and is stored. */
export const wireError: z.ZodType<ErrorData> = z.lazy(() =>
  z.object({
    code: z.string(),
    message: z.string(),
    permanent: z.boolean(),
    cause: wireError.optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
) as z.ZodType<ErrorData>;

/** Every reply is one of these two. */
export const replyEnvelope = z.union([
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: wireError }),
]);
export type ReplyEnvelope = z.infer<typeof replyEnvelope>;
