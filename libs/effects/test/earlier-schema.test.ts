import type { SqlClient } from '@longshore/sdk';
import { describe, expect, test } from 'vitest';
import { prepareTarget } from '../src/index.ts';
import { useTargetServer, type Session, type TestTarget } from './fixtures/target-server.ts';

const target = useTargetServer();

/** The schema of the first version, whose ledger had one row for all connections of a subtask. */
const FIRST_VERSION = `
  CREATE SCHEMA longshore_effects;
  CREATE TABLE longshore_effects.ledger (
    cluster_id text NOT NULL, task_id bigint NOT NULL, subtask_id bigint NOT NULL, step text NOT NULL, attempt integer NOT NULL,
    is_done boolean NOT NULL DEFAULT false, checkpoint json, result json,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(), written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (cluster_id, task_id, subtask_id));
  CREATE TABLE longshore_effects.fence (
    cluster_id text NOT NULL, task_id bigint NOT NULL, task_key text NOT NULL DEFAULT '', is_open boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (cluster_id, task_id));
  CREATE FUNCTION longshore_effects.enter_fence(cluster text, task bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('longshore/' || cluster || '/' || task::text, 0));
    RETURN coalesce((SELECT is_open FROM longshore_effects.fence WHERE cluster_id = cluster AND task_id = task), false);
  END $$;
  INSERT INTO longshore_effects.fence (cluster_id, task_id, is_open) VALUES ('cluster-a', 7, true)`;

const INSERT = `INSERT INTO longshore_effects.ledger (cluster_id, task_id, subtask_id, step, attempt, is_done, checkpoint, result)
  VALUES ('cluster-a', 7, $1, 'load', $2, $3, $4, $5)`;

/** A target that the first version prepared: subtask 1 is done, subtask 2 has come to its third batch. */
async function earlierTarget(): Promise<{ readonly store: TestTarget; readonly session: Session }> {
  const store = await target();
  const session = await store.session();
  await session.run(FIRST_VERSION);
  await session.run(INSERT, [1, 1, true, null, '{"n": 1}']);
  await session.run(INSERT, [2, 4, false, '3', null]);
  return { store, session };
}

const insert =
  (n: number) =>
  async (client: SqlClient): Promise<{ n: number }> => {
    await client.query('INSERT INTO t VALUES ($1)', [n]);
    return { n };
  };

describe('a target that an earlier version prepared', () => {
  // Seen to fail with rows of the first version that are nobody's: the work of both subtasks was done again.
  test('is brought up to date, and what was done there stays done', async () => {
    const { store } = await earlierTarget();
    const done = await store.attempt({ attempt: 2 }).connection.effectOnce(insert(1));
    expect(done).toEqual({ result: { n: 1 }, isRepeat: true });
    const batches = store
      .attempt({ subtaskId: '2', attempt: 5 })
      .connection.effectBatches<number, number>(0, async (all) => {
        await all.batch(async (client, at) => (await insert(at)(client)).n + 1);
        return all.checkpoint;
      });
    expect(await batches).toEqual({ result: 4, isRepeat: false });
    expect(await store.rows()).toEqual([3]);
    const { connection } = store.attempt({ subtaskId: '9' });
    expect((await connection.ledger()).map((entry) => entry.subtaskId)).toEqual(['1', '2']);
    const undone = await connection.revertEffects((_, entries) => Promise.resolve(entries.length));
    expect(undone).toBe(2);
    expect(await connection.ledger()).toEqual([]);
  });

  test('refuses an older attempt of it still', async () => {
    const { store } = await earlierTarget();
    const late = store.attempt({ subtaskId: '2', attempt: 4 }).connection.effectBatches(0, () => Promise.resolve(null));
    await expect(late).rejects.toMatchObject({ code: 'EFFECTS_SUPERSEDED' });
  });

  test('is brought up to date once, by many at once, while an effect of before is open', async () => {
    const { store, session } = await earlierTarget();
    await session.run('BEGIN');
    await session.run(INSERT, [3, 1, true, null, '{"n": 3}']);
    const many = [3, 4, 5, 6].map((id) =>
      store.attempt({ subtaskId: String(id), attempt: 2 }).connection.effectOnce(insert(id)),
    );
    await store.blocked('ls/7/3/2');
    await session.run('COMMIT');
    expect((await Promise.all(many)).map((one) => one.isRepeat)).toEqual([true, false, false, false]);
    expect(await store.rows()).toEqual([4, 5, 6]);
    // An executor of before can't write beside it: it fails, and is tried again by others.
    const before = session.run(`${INSERT} ON CONFLICT (cluster_id, task_id, subtask_id) DO NOTHING`, [
      7,
      1,
      false,
      null,
      null,
    ]);
    await expect(before).rejects.toMatchObject({ code: '42P10' });
  });

  test('has to be prepared again where the role may not change it', async () => {
    const { store } = await earlierTarget();
    await prepareGrants(store);
    const { connection } = store.attempt({ url: store.loaderUrl });
    await expect(connection.ledger()).rejects.toMatchObject({ code: 'EFFECTS_NO_PRIVILEGE' });
    await prepareTarget({ url: store.url, grantTo: 'loader' });
    expect(await connection.ledger()).toHaveLength(1);
  });
});

async function prepareGrants(store: TestTarget): Promise<void> {
  const session = await store.session();
  await session.run('GRANT USAGE ON SCHEMA longshore_effects TO loader');
  await session.run('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA longshore_effects TO loader');
}
