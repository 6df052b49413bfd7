import { SubtaskPostponed } from '@longshore/sdk';
import { describe, expect, test } from 'vitest';
import addIndexTaskType from '../src/index.ts';
import { createOrders, eventually, useIndexTarget } from './index-target.ts';
import { subtaskIdOf, type IndexRun } from './index-run.ts';

const target = useIndexTarget();
const statement = 'CREATE INDEX ON orders (customer)';
/** The first place for a build, as `take-build-slot` numbers them. */
const PLACE = '(1819502968, 0)';

async function upToBuild(run: IndexRun): Promise<void> {
  await run.prepare();
  await run.runStep('parents');
  await run.plan('build');
}

const isWhole = async (): Promise<void> => {
  expect(await target.indexes()).toMatchObject([{ name: 'orders_customer_idx', valid: true }]);
};

describe('a change of the meta', () => {
  test('of the builds that are allowed lets one go on that waits for a place', async () => {
    await createOrders(target.client, 0);
    const run = target.start({ statement, maxConcurrentBuilds: 1 });
    await upToBuild(run);
    const other = await target.session();
    await other.query(`SELECT pg_advisory_lock${PLACE}`);
    const building = run.runPostponed('build', 1);
    await eventually(() => [...run.waiting]).toContainEqual(expect.stringMatching(/^BUILD_LIMIT/));
    await run.modify('build', { maxConcurrentBuilds: 2 });
    await building;
    await isWhole();
  });

  test('of the lock time-out holds for the next try', async () => {
    await createOrders(target.client, 1);
    const run = target.start({ statement, lockTimeoutMs: 20 });
    await run.prepare();
    const holder = await target.session();
    await holder.query(`BEGIN; INSERT INTO orders VALUES (1, 'open')`);
    const tried: string[] = [];
    const running = run.runStep('parents', {
      tap: ({ text }) => {
        if (text.startsWith('SET LOCAL lock_timeout')) tried.push(text);
      },
    });
    await eventually(() => tried).toContain('SET LOCAL lock_timeout = 20');
    await run.modify('parents', { lockTimeoutMs: 30 });
    await eventually(() => tried).toContain('SET LOCAL lock_timeout = 30');
    await holder.query('COMMIT');
    await running;
  });

  test('is refused for the index itself, with the key and what can be changed', async () => {
    await createOrders(target.client, 0);
    const run = target.start({ statement });
    await upToBuild(run);
    await expect(run.modify('build', { statement: 'CREATE INDEX ON orders (id)' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      permanent: true,
      message: expect.stringMatching(/meta\.statement .* only lockTimeoutMs, maxConcurrentBuilds can/),
    });
    await expect(run.modify('build', { lockTimeoutMs: 1 })).rejects.toMatchObject({ code: 'META_INVALID' });
  });
});

describe('a subtask that would only wait gives its slot back', () => {
  test('while others build, and keeps nobody from building', async () => {
    await createOrders(target.client, 0);
    const run = target.start({ statement, maxConcurrentBuilds: 1 });
    await upToBuild(run);
    const other = await target.session();
    await other.query(`SELECT pg_advisory_lock${PLACE}`);
    await expect(run.runSubtask('build', 1)).rejects.toMatchObject({
      name: 'SubtaskPostponed',
      reason: { code: 'BUILD_LIMIT' },
    });
    expect([...run.waiting]).toEqual([]);
    await eventually(() => target.sessions(/^ls\//)).toEqual([]);
    await other.query(`SELECT pg_advisory_unlock${PLACE}`);
    await run.runSubtask('build', 1);
    await isWhole();
  });

  test('while others hold a lock for long', async () => {
    await createOrders(target.client, 1);
    const run = target.start({ statement, lockTimeoutMs: 20 });
    await run.prepare();
    const holder = await target.session();
    await holder.query(`BEGIN; INSERT INTO orders VALUES (1, 'open')`);
    await run.plan('parents');
    const error: unknown = await run.runSubtask('parents', 1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SubtaskPostponed);
    expect(error).toMatchObject({
      reason: { code: 'LOCK_HELD', message: expect.stringContaining('lock held by pid') },
    });
    await holder.query('COMMIT');
    await run.runSubtask('parents', 1);
  });
});

describe('a full disk', () => {
  test('fails the build with the code that pauses the task, leaves nothing on it, and is gone on from', async () => {
    await createOrders(target.client, 0);
    const define = (body: string) =>
      target.client.query(
        `CREATE OR REPLACE FUNCTION may_fill(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN ${body} RETURN $1; END'`,
      );
    await define(`RAISE ''no space left on device'' USING ERRCODE = ''53100'';`);
    const run = target.start({ statement: 'CREATE INDEX orders_customer_idx ON orders (may_fill(customer))' });
    await upToBuild(run);
    await expect(run.runStep('build')).rejects.toMatchObject({ code: 'ADD_INDEX_DISK_FULL' });
    expect(addIndexTaskType.defaults?.pauseOn).toContain('ADD_INDEX_DISK_FULL');
    expect(await target.indexes()).toEqual([]);
    await define('');
    await run.runFrom('build');
    await isWhole();
  });

  test('is a quota of the role as well', async () => {
    await createOrders(target.client, 0);
    await target.client.query(
      `INSERT INTO orders SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 20000) i;
       ALTER ROLE postgres SET temp_file_limit = '64kB';
       ALTER ROLE postgres SET maintenance_work_mem = '1MB';
       ALTER ROLE postgres SET max_parallel_maintenance_workers = 0`,
    );
    try {
      const run = target.start({ statement });
      await upToBuild(run);
      await expect(run.runStep('build')).rejects.toMatchObject({
        code: 'ADD_INDEX_DISK_FULL',
        details: { sqlstate: '53400' },
      });
      await target.client.query('ALTER ROLE postgres SET temp_file_limit = -1');
      await run.runFrom('build');
      await isWhole();
    } finally {
      await target.client.query('ALTER ROLE postgres RESET ALL');
    }
  });
});

test('subtasks conform to a change of their slots', async () => {
  for (const step of addIndexTaskType.steps) {
    const { type, version: typeVersion } = addIndexTaskType;
    const task = { id: '1', key: '1', type, typeVersion, meta: {} as never, step, slots: 1 };
    const executor = addIndexTaskType.executor.getStepExecutor(step, task);
    await expect(executor.resourceModified!({ slots: 3, memoryBytes: 2 ** 28 })).resolves.toBeUndefined();
  }
});

test('a build counts the blocks that it is through with', async () => {
  await createOrders(target.client, 0);
  const run = target.start({ statement });
  await upToBuild(run);
  // Keeps the build in its last phase, so that a look finds what it has done.
  const reader = await target.session();
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
  const building = run.runStep('build');
  await eventually(() => run.summary('build', subtaskIdOf('build', 1))['blocks']).toBeGreaterThan(0);
  await reader.query('COMMIT');
  await building;
  await isWhole();
});
