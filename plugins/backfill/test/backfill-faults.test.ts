import { StopReason, SubtaskStopped, type JsonValue, type SqlClient } from '@longshore/sdk';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptOptions, BackfillRun, BatchPlace, StepName } from './backfill-run.ts';
import { openBackfillTarget, type BackfillTarget } from './backfill-target.ts';

/** A hundred attempts and more take some seconds, and on a busy machine many times that. */
const PROPERTY_LIMIT_MS = 240_000;
let target: BackfillTarget;

beforeAll(async () => {
  target = await openBackfillTarget();
});
afterAll(async () => {
  await target.stop();
});
beforeEach(async () => {
  await target.reset();
});

/** How an attempt ends before its time, and at which batch of its own. */
interface Fault {
  readonly place: BatchPlace;
  /** From 1. */
  readonly batch: number;
  /** `throw`: its code fails. `terminate`: the server ends its session. `abort`: the framework stops it. */
  readonly how: 'throw' | 'terminate' | 'abort';
}

/** Options of an attempt that ends by a fault. */
function attemptWith(fault: Fault): AttemptOptions {
  const controller = new AbortController();
  let batches = 0;
  const at = async (place: BatchPlace, session: SqlClient | null): Promise<void> => {
    if (place === 'before') batches += 1;
    if (place !== fault.place || batches !== fault.batch) return;
    if (fault.how === 'abort') controller.abort(new SubtaskStopped(StopReason.move));
    if (fault.how === 'terminate' && session !== null) {
      const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await target.client.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      return;
    }
    throw new Error('the attempt ends here');
  };
  return { signal: controller.signal, at };
}

/** Runs a subtask as often as it takes: each fault ends an attempt, the next one goes on. */
async function runThrough(
  run: BackfillRun,
  step: StepName,
  meta: JsonValue,
  faults: Iterator<Fault>,
): Promise<JsonValue> {
  const subtaskId = run.nextSubtaskId();
  for (let attempt = 1; ; attempt++) {
    const { value: fault } = faults.next() as { value: Fault | undefined };
    const options = fault === undefined ? {} : attemptWith(fault);
    try {
      return await run.runSubtask(step, meta, { ...options, subtaskId, attempt });
    } catch (error) {
      if (fault === undefined) throw error;
    }
  }
}

const fault: fc.Arbitrary<Fault> = fc.record({
  place: fc.constantFrom<BatchPlace[]>('before', 'changed', 'committed'),
  batch: fc.integer({ min: 1, max: 4 }),
  how: fc.constantFrom<Fault['how'][]>('throw', 'terminate', 'abort'),
});

const wholeNumbers = (min: bigint, max: bigint): fc.Arbitrary<string[]> => {
  const dense = fc
    .record({ first: fc.bigInt({ min, max: max - 400n }), count: fc.integer({ min: 0, max: 300 }) })
    .map(({ first, count }) => Array.from({ length: count }, (_, i) => first + BigInt(i)));
  const sparse = fc.uniqueArray(fc.bigInt({ min, max }), { maxLength: 200 });
  // Most keys in one place, and some far away.
  const skewed = fc.tuple(dense, sparse).map(([many, few]) => [...new Set([...many, ...few.slice(0, 10)])]);
  return fc.oneof(dense, sparse, skewed).map((keys) => keys.map(String));
};

const table = fc.oneof(
  fc.record({ type: fc.constant('smallint'), keys: wholeNumbers(-(2n ** 15n), 2n ** 15n - 1n) }),
  fc.record({ type: fc.constant('integer'), keys: wholeNumbers(-(2n ** 31n), 2n ** 31n - 1n) }),
  fc.record({ type: fc.constant('bigint'), keys: wholeNumbers(-(2n ** 63n), 2n ** 63n - 1n) }),
  fc.record({ type: fc.constant('uuid'), keys: fc.uniqueArray(fc.uuid(), { maxLength: 200 }) }),
);

const sizes = fc.record({
  rangeRows: fc.integer({ min: 1, max: 400 }),
  minBatchRows: fc.integer({ min: 1, max: 5 }),
  maxBatchRows: fc.integer({ min: 5, max: 100 }),
});

test(
  'each row is changed exactly once, whatever its key, wherever attempts end',
  async () => {
    await fc.assert(
      fc.asyncProperty(table, sizes, fc.array(fault, { maxLength: 12 }), async ({ type, keys }, size, faults) => {
        await target.reset();
        await target.client.query(`CREATE TABLE items (key ${type} PRIMARY KEY, counter int NOT NULL DEFAULT 0)`);
        await target.client.query(`INSERT INTO items SELECT unnest($1::${type}[])`, [keys]);
        // At most one range per row, and not a hundred subtasks.
        const rangeRows = Math.max(size.rangeRows, Math.ceil(keys.length / 6));
        const run = target.start({ table: 'items', set: { counter: 'counter + 1' }, ...size, rangeRows });
        await run.prepare();
        const ending = faults.values();
        for (const step of ['update', 'tail'] as const) {
          await run.runStep(step, (meta) => runThrough(run, step, meta, ending));
        }
        const result = await run.done();
        const model = keys.map((id) => ({ id, counter: 1 })).sort((a, b) => (a.id < b.id ? -1 : 1));
        const { rows } = await target.client.query('SELECT key::text COLLATE "C" AS id, counter FROM items ORDER BY 1');
        expect(rows).toEqual(model);
        expect(result).toMatchObject({ rows: keys.length });
      }),
      { numRuns: 25 },
    );
  },
  PROPERTY_LIMIT_MS,
);

test(
  'each row is changed exactly once beside a writer, wherever attempts end',
  async () => {
    const writer = await target.connect();
    await fc.assert(
      fc.asyncProperty(sizes, fc.array(fault, { maxLength: 12 }), async (size, faults) => {
        await target.reset();
        await target.client.query(
          `CREATE TABLE items (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, counter int NOT NULL DEFAULT 0, touched int NOT NULL DEFAULT 0);
         INSERT INTO items (counter) SELECT 0 FROM generate_series(1, 400)`,
        );
        const ending = new AbortController();
        const writing = (async () => {
          let touches = 0;
          for (let i = 0; !ending.signal.aborted; i++) {
            // Two rows in one transaction, in any order, so that it also deadlocks with batches.
            const pair = [1 + ((i * 37) % 400), 1 + ((i * 211) % 400)];
            try {
              await writer.query('BEGIN');
              await writer.query('INSERT INTO items DEFAULT VALUES');
              for (const id of pair) await writer.query('UPDATE items SET touched = touched + 1 WHERE id = $1', [id]);
              await writer.query('COMMIT');
              touches += 2;
            } catch (error) {
              await writer.query('ROLLBACK');
              if ((error as { code?: string }).code !== '40P01') throw error;
            }
          }
          return touches;
        })();
        const run = target.start({ table: 'items', set: { counter: 'counter + 1' }, ...size, rangeRows: 100 });
        await run.prepare();
        const attempts = faults.values();
        for (const step of ['update', 'tail'] as const) {
          await run.runStep(step, (meta) => runThrough(run, step, meta, attempts));
        }
        const { throughKey } = (await run.done()) as { throughKey: string };
        ending.abort();
        const touches = await writing;
        const { rows } = await target.client.query(
          `SELECT count(*) FILTER (WHERE counter <> CASE WHEN id <= $1 THEN 1 ELSE 0 END)::int AS wrong,
                sum(touched)::int AS touches FROM items`,
          [throughKey],
        );
        expect(rows).toEqual([{ wrong: 0, touches }]);
        expect(Number(throughKey)).toBeGreaterThanOrEqual(400);
      }),
      { numRuns: 8 },
    );
  },
  PROPERTY_LIMIT_MS,
);

describe('an attempt that was replaced', () => {
  test('changes nothing more: the newer one has its ledger row', async () => {
    await target.client.query(
      'CREATE TABLE items (id int PRIMARY KEY, counter int NOT NULL DEFAULT 0); INSERT INTO items SELECT generate_series(1, 500)',
    );
    const run = target.start({ table: 'items', set: { counter: 'counter + 1' }, maxBatchRows: 100 });
    await run.prepare();
    const [planned] = await run.plan('update');
    const subtaskId = run.nextSubtaskId();
    const reached = Promise.withResolvers<undefined>();
    const released = Promise.withResolvers<undefined>();
    const late = run.runSubtask('update', planned!.meta, {
      subtaskId,
      at: (place) => {
        if (place !== 'committed') return undefined;
        reached.resolve(undefined);
        return released.promise;
      },
    });
    await reached.promise;
    expect(await run.runSubtask('update', planned!.meta, { subtaskId, attempt: 2 })).toMatchObject({ rows: 500 });
    released.resolve(undefined);
    await expect(late).rejects.toMatchObject({ code: 'EFFECTS_SUPERSEDED' });
    const { rows } = await target.client.query('SELECT DISTINCT counter FROM items');
    expect(rows).toEqual([{ counter: 1 }]);
  });
});
