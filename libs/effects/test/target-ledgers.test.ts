import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openTargetLedgers } from '../src/target-ledgers.ts';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

describe('what forgotten tasks left in a target', () => {
  test('is removed for them alone, page by page', async () => {
    const store = await target();
    for (const taskId of ['7', '8', '9']) {
      const open = store.attempt({ taskId });
      await open.openFence();
      await open.connection.effectOnce(() => Promise.resolve(taskId));
    }
    const other = store.attempt({ clusterId: 'cluster-b', taskId: '8' });
    await other.openFence();
    const ledgers = openTargetLedgers(store.url);
    onTestFinished(() => ledgers.close());

    expect(await ledgers.tasks('cluster-a', '0', 2)).toEqual(['7', '8']);
    expect(await ledgers.tasks('cluster-a', '8', 2)).toEqual(['9']);
    await ledgers.forget('cluster-a', ['8']);
    expect(await ledgers.tasks('cluster-a', '0', 10)).toEqual(['7', '9']);
    expect(await ledgers.tasks('cluster-b', '0', 10)).toEqual(['8']);
    expect(await store.attempt({ taskId: '8' }).connection.ledger()).toEqual([]);
    expect(await store.attempt({ taskId: '9' }).connection.ledger()).toHaveLength(1);
  });

  test('stays where another session has locked it, and goes the next time', async () => {
    const store = await target();
    for (const taskId of ['7', '8']) {
      const open = store.attempt({ taskId });
      await open.openFence();
      await open.connection.effectOnce(() => Promise.resolve(taskId));
    }
    const ledgers = openTargetLedgers(store.url);
    onTestFinished(() => ledgers.close());
    const other = new pg.Client({ connectionString: store.url });
    await other.connect();
    onTestFinished(() => other.end());
    await other.query('BEGIN');
    await other.query(`SELECT 1 FROM longshore_effects.ledger WHERE task_id = 7 FOR UPDATE`);
    await ledgers.forget('cluster-a', ['7', '8']);
    expect(await ledgers.tasks('cluster-a', '0', 10)).toEqual(['7']);
    await other.query('ROLLBACK');
    await ledgers.forget('cluster-a', ['7', '8']);
    expect(await ledgers.tasks('cluster-a', '0', 10)).toEqual([]);
  });

  test('is nothing where no task ever was', async () => {
    const store = await target();
    const ledgers = openTargetLedgers(store.url);
    onTestFinished(() => ledgers.close());
    expect(await ledgers.tasks('cluster-a', '0', 10)).toEqual([]);
  });
});

describe('another task under the same id', () => {
  // Tried: without the key the second task took over the first one's ledger, and its work passed for done.
  test('is refused: the store was restored from an older state', async () => {
    const store = await target();
    await store.attempt({ taskKey: 'orders' }).openFence();
    await store.attempt({ taskKey: 'orders' }).openFence();
    await expect(store.attempt({ taskKey: 'customers' }).openFence()).rejects.toMatchObject({
      code: 'EFFECTS_FOREIGN_TASK',
      permanent: true,
    });
  });
});
