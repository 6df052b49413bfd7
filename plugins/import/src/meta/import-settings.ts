import { z } from 'zod';

/** What an executor's configuration says for imports on its machine. */
export const importSettings = z.strictObject({
  roots: z
    .array(z.string().regex(/^!?\//, 'must be an absolute path, perhaps with ! before it'))
    .default([])
    .describe(
      'Absolute paths of the folders whose files imports may read, with all below them; with ! before it, of a folder within them that they may not. Default: none, so that every import is refused.',
    ),
});

export type ImportSettings = z.output<typeof importSettings>;
