import { test } from 'vitest';
import { useOneCreateIndex } from './one-create-index-suite.ts';

const compare = useOneCreateIndex();

/** Always the same draws, so that only a change of ours makes it fail; `one-create-index.long.test.ts` draws more, and others if it is asked to. */
test('an add-index leaves the indexes that one CREATE INDEX leaves', () => compare({ numRuns: 6, seed: 20_261_123 }));
