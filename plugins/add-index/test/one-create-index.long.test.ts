import { test } from 'vitest';
import { useOneCreateIndex } from './one-create-index-suite.ts';

const compare = useOneCreateIndex();

// Some minutes; more on a busy machine.
test('an add-index leaves the indexes that one CREATE INDEX leaves, whatever is drawn', async () => {
  const seed = Number(process.env['LONGSHORE_SEED'] ?? Date.now() % 2 ** 31);
  console.log(`LONGSHORE_SEED=${seed} draws the same again`);
  await compare({ numRuns: 300, seed });
}, 1_800_000);
