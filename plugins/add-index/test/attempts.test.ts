import { setTimeout as tick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createOrders, eventually, untilBlocked, useIndexTarget } from './index-target.ts';
import type { IndexRun, Tap } from './index-run.ts';

const target = useIndexTarget();

/** An add-index on a plain table, up to its build. */
async function start(): Promise<IndexRun> {
  await createOrders(target.client, 0);
  const run = target.start({ statement: 'CREATE INDEX ON orders (customer)' });
  await run.prepare();
  await run.runStep('parents');
  await run.plan('build');
  return run;
}

const built = (): Promise<unknown> => target.indexes();
const whole = [{ table: 'orders', name: 'orders_customer_idx', valid: true, parent: null }];

/** A tap that counts builds, and stops the hook before its first one for as long as the test wants. */
function held(): {
  readonly tap: Tap;
  readonly reached: Promise<null>;
  readonly go: () => void;
  readonly builds: () => number;
} {
  const reached = Promise.withResolvers<null>();
  const released = Promise.withResolvers<null>();
  let builds = 0;
  return {
    tap: async ({ when, text }) => {
      if (when !== 'before' || !text.startsWith('CREATE INDEX')) return;
      builds += 1;
      reached.resolve(null);
      await released.promise;
    },
    reached: reached.promise,
    go: () => released.resolve(null),
    builds: () => builds,
  };
}

test('an attempt that finds an older one at work waits, and takes over what that has built', async () => {
  const run = await start();
  const writer = await target.session();
  await writer.query(`BEGIN; INSERT INTO orders VALUES (1, 'open')`);
  const older = run.runSubtask('build', 1);
  await untilBlocked(target, /^CREATE INDEX/);
  const statements: string[] = [];
  const newer = run.runSubtask('build', 1, { tap: ({ text }) => void statements.push(text) });
  await eventually(() => [...run.waiting]).toContainEqual(expect.stringMatching(/^OLDER_ATTEMPT: .*pid \d+/));
  await writer.query('COMMIT');
  const results = await Promise.all([older, newer]);
  expect(results[0]).toEqual(results[1]);
  expect(statements.filter((text) => /^(CREATE|DROP) INDEX/.test(text))).toEqual([]);
  expect(await built()).toEqual(whole);
});

test('an attempt ends an older one that has the turn and does nothing, and that one builds nothing any more', async () => {
  const run = await start();
  const stopped = held();
  const older = run.runSubtask('build', 1, { tap: stopped.tap });
  const ended = expect(older).rejects.toThrow();
  await stopped.reached;
  expect(await run.runSubtask('build', 1)).toMatchObject({ origin: 'built' });
  stopped.go();
  await ended;
  expect(await built()).toEqual(whole);
});

test('an older attempt that comes late finds the work done', async () => {
  const run = await start();
  const first = await run.runSubtask('build', 1);
  const writes: string[] = [];
  const late = run.lateAttempt('build', 1, 0, { tap: ({ text }) => void writes.push(text) });
  expect(await late).toEqual(first);
  expect(writes.filter((text) => /^(CREATE|DROP|ALTER) INDEX/.test(text))).toEqual([]);
  expect(await built()).toEqual(whole);
});

test('an older attempt that comes while a newer one builds gives up', async () => {
  const run = await start();
  const building = held();
  const newer = run.runSubtask('build', 1, { tap: building.tap });
  await building.reached;
  await expect(run.lateAttempt('build', 1, 0)).rejects.toMatchObject({
    code: 'ADD_INDEX_SUPERSEDED',
    permanent: false,
  });
  building.go();
  await newer;
  expect(await built()).toEqual(whole);
});

test('writers go on all the while, without an error or a lost row', async () => {
  await createOrders(target.client, 2);
  const run = target.start({ statement: 'CREATE INDEX ON orders (customer, id)' });
  let isOver = false;
  const written: number[] = [];
  const write = async (offset: number): Promise<void> => {
    const session = await target.session();
    for (let i = 0; !isOver; i++) {
      const id = (offset + i * 2) % 400;
      await session.query('INSERT INTO orders VALUES ($1, $2)', [id, `written ${offset} ${i}`]);
      if (i % 3 === 0) await session.query('UPDATE orders SET amount = 1 WHERE id = $1', [id]);
      written.push(id);
      // Lets others of this process have their turn.
      await tick();
    }
  };
  const writers = [write(0), write(1)];
  await eventually(() => written.length).toBeGreaterThan(10);
  const before = written.length;
  await run.run();
  const during = written.length - before;
  isOver = true;
  await Promise.all(writers);
  expect(during).toBeGreaterThan(0);
  // Counted by the index and without it.
  const count = async (index: 'on' | 'off'): Promise<number> => {
    await target.client.query(`SET enable_seqscan = ${index === 'on' ? 'off' : 'on'}`);
    await target.client.query(
      `SET enable_indexscan = ${index}; SET enable_indexonlyscan = ${index}; SET enable_bitmapscan = ${index}`,
    );
    const { rows } = await target.client.query<{ n: string }>(
      `SELECT count(*) AS n FROM orders WHERE customer >= 'written' AND customer < 'writtep'`,
    );
    return Number(rows[0]!.n);
  };
  expect(await count('on')).toBe(written.length);
  expect(await count('off')).toBe(written.length);
  await target.client.query('RESET ALL');
});
