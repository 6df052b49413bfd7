import { startPostgres } from '@longshore/embedded';
import { migrateStore } from '@longshore/store';
import type { Benchmark } from '../benchmark.ts';
import { median, rounded, spread } from '../statistics.ts';
import { drainRows } from './drain-rows.ts';

const FULL_ROWS = 100_000;
const ROUNDS = 3;

/**
 * What two plain clients reach that do the rows' work of a step and nothing else: insert its subtasks, claim them, finish them and
 * move them into history, in batches, with the real schema and default durability. The yardstick of throughput figures.
 */
export const floorBenchmark: Benchmark = {
  name: 'floor',
  description: 'two plain clients insert, claim, finish and archive subtask rows in batches: the yardstick',
  run: async (options) => {
    const postgres = await startPostgres({ durable: true });
    try {
      await migrateStore(postgres.url);
      const rows = options.rows ?? FULL_ROWS;
      const perSecond: number[] = [];
      const rounds = options.rounds ?? ROUNDS;
      for (let round = 0; round <= rounds; round++) {
        const seconds = await drainRows(postgres.url, rows, round + 1);
        options.say(`round ${round}: ${Math.round(rows / seconds)} rows a second`);
        if (round > 0) perSecond.push(rows / seconds);
      }
      options.say(spread(perSecond, 'rows/s'));
      return { floor_per_second: rounded(median(perSecond)), rows, rounds };
    } finally {
      await postgres.stop();
    }
  },
};
