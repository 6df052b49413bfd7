import { z } from 'zod';

/** What an executor's configuration says for imports on its machine. */
export const importSettings = z.strictObject({
  roots: z
    .array(z.string().startsWith('/', 'must be an absolute path'))
    .default([])
    .describe(
      'Absolute paths of the folders whose files imports may read, with all below them. Default: none, so that every import is refused.',
    ),
});

export type ImportSettings = z.output<typeof importSettings>;
