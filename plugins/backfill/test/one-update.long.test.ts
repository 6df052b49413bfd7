import { test } from 'vitest';
import { useOneUpdate } from './one-update-suite.ts';

const compare = useOneUpdate();

// A minute; more on a busy machine. The same draws unless LONGSHORE_SEED names others, so that only a change of ours makes it fail.
test('a backfill leaves the rows that one UPDATE leaves, whatever is drawn', async () => {
  const seed = Number(process.env['LONGSHORE_SEED'] ?? 7);
  await compare({ numRuns: 400, seed });
}, 1_800_000);
