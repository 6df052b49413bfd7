import { test } from 'vitest';
import { useOneUpdate } from './one-update-suite.ts';

const compare = useOneUpdate();

/** Always the same draws, so that only a change of ours makes it fail; `one-update.long.test.ts` draws more, and others if it is asked to. */
test('a backfill leaves the rows that one UPDATE leaves', () => compare({ numRuns: 10, seed: 20_261_123 }));
