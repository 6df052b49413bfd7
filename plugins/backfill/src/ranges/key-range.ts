import { z } from 'zod';

/** Keys above `after` up to and including `upTo`, each in text form; null: without an end on that side. */
export const keyRange = z.strictObject({ after: z.string().nullable(), upTo: z.string().nullable() });

export type KeyRange = z.output<typeof keyRange>;
