import { test } from 'vitest';
import { useOneUpdate } from './one-update-suite.ts';

const compare = useOneUpdate();

// Some minutes; more on a busy machine.
test('a backfill leaves the rows that one UPDATE leaves, whatever is drawn', async () => {
  const seed = Number(process.env['LONGSHORE_SEED'] ?? Date.now() % 2 ** 31);
  console.log(`LONGSHORE_SEED=${seed} draws the same again`);
  await compare({ numRuns: 400, seed });
}, 1_800_000);
