import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { racingSteps, steps, type Known, type Step } from '../src/commands.ts';
import { runOut, type Resolution } from '../src/run-out.ts';
import { seen } from '../src/seen.ts';
import { openGround, World, type Ground } from '../src/world.ts';

const ASKED_RUNS = process.env['LONGSHORE_MODEL_RUNS'];
/** How many lives are tried in each test; `npm run test:model` tries more. */
const RUNS = Number(ASKED_RUNS ?? 50);
/** To see a failure again: what it printed. */
const SEED = process.env['LONGSHORE_MODEL_SEED'];
const PATH = process.env['LONGSHORE_MODEL_PATH'];
const REPLAY_PATH = process.env['LONGSHORE_MODEL_REPLAY_PATH'];
/** No new life is begun after this, whatever is left: the suite must not wait for a slow machine. In milliseconds. */
const MOST_MS = ASKED_RUNS === undefined ? 10_000 : 2_000 * RUNS;

let postgres: EmbeddedPostgres;
let ground: Ground;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query('CREATE DATABASE model');
  await admin.end();
  ground = await openGround(postgres.url.replace(/\/postgres$/, '/model'));
});

afterAll(async () => {
  if (ASKED_RUNS !== undefined) {
    process.stdout.write(`transitions that were not taken:\n${seen.missing().join('\n')}\n`);
  }
  await ground.close();
  await postgres.stop();
});

const resolutions = fc.array(fc.constantFrom<Resolution>('retry', 'skip', 'revert'), { minLength: 2, maxLength: 4 });

async function check(arbitraries: fc.Arbitrary<Step>[], maxCommands: number): Promise<void> {
  const end = performance.now() + MOST_MS;
  // Without fast-check's preference for small values: short lives meet nothing.
  const lives = fc.noBias(
    fc.commands(arbitraries, {
      maxCommands,
      size: 'max',
      ...(REPLAY_PATH === undefined ? {} : { replayPath: REPLAY_PATH }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(lives, resolutions, async (life, decisions) => {
      // Not `interruptAfterTimeLimit`: what it leaves goes on beside the next test.
      if (performance.now() > end) return;
      const world = await World.create(ground);
      await fc.asyncModelRun(() => ({ model: { tasks: 0 } satisfies Known, real: world }), life);
      await runOut(world, [...decisions, 'revert']);
      await world.lookAtHistory();
    }),
    {
      numRuns: RUNS,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
      ...(PATH === undefined ? {} : { path: PATH }),
    },
  );
}

describe('whatever happens to tasks, nodes and owners, the invariants hold and every task ends', () => {
  const limit = 10 * MOST_MS + 60_000;

  test('one thing after the other', () => check(steps, 80), limit);

  test('several at the same time', () => check(racingSteps, 30), limit);
});
