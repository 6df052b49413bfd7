import { test } from 'vitest';
import { useOneCreateIndex } from './one-create-index-suite.ts';

const compare = useOneCreateIndex();

// A minute; more on a busy machine. The same draws unless LONGSHORE_SEED names others, so that only a change of ours makes it fail.
test('an add-index leaves the indexes that one CREATE INDEX leaves, whatever is drawn', async () => {
  const seed = Number(process.env['LONGSHORE_SEED'] ?? 7);
  await compare({ numRuns: 300, seed });
}, 1_800_000);
