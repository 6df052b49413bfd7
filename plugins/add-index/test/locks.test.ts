import { expect, test } from 'vitest';
import { createOrders, eventually, untilBlocked, useIndexTarget } from './index-target.ts';
import type { StepName } from './index-run.ts';

const target = useIndexTarget();

/** Who holds locks, until the returned function is called. */
async function hold(statement: string): Promise<{ readonly pid: number; release(): Promise<void> }> {
  const session = await target.session();
  await session.query(`SET application_name = 'reports'`);
  const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await session.query('BEGIN');
  await session.query(statement);
  return {
    pid: rows[0]!.pid,
    release: async () => {
      await session.query('COMMIT');
    },
  };
}

test.each([
  ['parents', `INSERT INTO orders VALUES (1, 'open')`, /./],
  ['build', `INSERT INTO orders_1 VALUES (1, 'open')`, /waiting for writers before build/],
  ['attach', 'SELECT count(*) FROM orders_1', /./],
] as const)(
  '%s waits for a lock that another session holds, says whose, and lets writers through',
  async (step, statement, phase) => {
    await createOrders(target.client, 1);
    const run = target.start({ statement: 'CREATE INDEX ON orders (customer)', lockTimeoutMs: 50 });
    await run.prepare();
    const steps: StepName[] = ['parents', 'build', 'attach'];
    for (const earlier of steps.slice(0, steps.indexOf(step))) await run.runStep(earlier);
    const holder = await hold(statement);
    const running = run.runStep(step);
    await eventually(() => [...run.waiting]).toContainEqual(
      expect.stringMatching(`^LOCK_HELD: .*lock held by pid ${holder.pid} \\(reports, in a transaction since .*\\)`),
    );
    expect(run.waited.join()).toMatch(phase);
    expect(run.phases.includes('waiting for writers before build')).toBe(step === 'build');
    const writer = await target.session();
    // Longer than a try, which may come meanwhile, and far shorter than the lock is held.
    await writer.query(`SET lock_timeout = '5s'`);
    for (let id = 0; id < 20; id++) await writer.query(`INSERT INTO orders VALUES ($1, 'written')`, [id]);
    await holder.release();
    await running;
    expect([...run.waiting]).toEqual([]);
  },
);

test('a revert of a partitioned index lets writers through between its tries', async () => {
  await createOrders(target.client, 1);
  const run = target.start({ statement: 'CREATE INDEX ON orders (customer)', lockTimeoutMs: 50 });
  await run.run();
  const holder = await hold('SELECT count(*) FROM orders_1');
  const reverting = run.revert();
  await eventually(() => run.logged).toContainEqual(expect.stringContaining(`lock held by pid ${holder.pid}`));
  const writer = await target.session();
  await writer.query(`SET lock_timeout = '5s'`);
  for (let id = 0; id < 20; id++) await writer.query(`INSERT INTO orders VALUES ($1, 'written')`, [id]);
  await holder.release();
  await reverting;
  expect(await target.indexes()).toEqual([]);
});

test('time-outs of the role do not end a build that waits', async () => {
  await createOrders(target.client, 0);
  await target.client.query(
    `ALTER ROLE postgres SET lock_timeout = '20ms'; ALTER ROLE postgres SET statement_timeout = '300ms'`,
  );
  try {
    const run = target.start({ statement: 'CREATE INDEX ON orders (customer)' });
    await run.prepare();
    await run.runStep('parents');
    const holder = await hold(`INSERT INTO orders VALUES (1, 'open')`);
    const building = run.runStep('build');
    await untilBlocked(target, /^CREATE INDEX/);
    await eventually(() => [...run.waiting]).not.toEqual([]);
    await holder.release();
    await building;
    expect(await target.indexes()).toMatchObject([{ name: 'orders_customer_idx', valid: true }]);
  } finally {
    await target.client.query('ALTER ROLE postgres RESET ALL');
  }
});
