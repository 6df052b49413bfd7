import type { SqlClient } from '@longshore/sdk';
import { describe, expect, test } from 'vitest';
import { OpenCopy } from './fixtures/open-copy.ts';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

const insert =
  (n: number) =>
  async (client: SqlClient): Promise<{ n: number }> => {
    await client.query('INSERT INTO t VALUES ($1)', [n]);
    return { n };
  };

/** Work that says when it has begun, and ends when the test lets it. */
function heldWork(n: number) {
  const begun = Promise.withResolvers<null>();
  const end = Promise.withResolvers<null>();
  const work = async (client: SqlClient): Promise<{ n: number }> => {
    const result = await insert(n)(client);
    begun.resolve(null);
    await end.promise;
    return result;
  };
  return { work, begun: begun.promise, end };
}

describe('an effect', () => {
  test('is committed once over two attempts, and the second gets what the first returned', async () => {
    const store = await target();
    await store.openFence();
    const first = await store.attempt().connection.effectOnce(insert(1));
    const second = await store.attempt({ attempt: 2 }).connection.effectOnce(insert(2));
    expect(first).toEqual({ result: { n: 1 }, isRepeat: false });
    expect(second).toEqual({ result: { n: 1 }, isRepeat: true });
    expect(await store.rows()).toEqual([1]);
  });

  test.each<[what: string, value: unknown]>([
    ['no number', { total: Number.NaN }],
    ['a number that loses digits', 2 ** 60],
    ['a text that the store refuses', 'a\0b'],
    ['too much', 'x'.repeat(70_000)],
  ])('whose result is %s is not committed: the second attempt would get another one', async (_, value) => {
    const store = await target();
    await store.openFence();
    const { connection } = store.attempt();
    const effect = connection.effectOnce(async (client) => {
      await client.query('INSERT INTO t VALUES (1)');
      return value as number;
    });
    await expect(effect).rejects.toMatchObject({ code: 'EFFECTS_VALUE_INVALID', permanent: true });
    const inBatches = connection.effectBatches<number, number>(0, (batches) =>
      batches.batch(() => Promise.resolve(value as number)),
    );
    await expect(inBatches).rejects.toMatchObject({ code: 'EFFECTS_VALUE_INVALID', permanent: true });
    expect(await store.rows()).toEqual([]);
  });

  test('of another subtask, or of a task with the same ids in another cluster, is another one', async () => {
    const store = await target();
    for (const [index, owner] of [{}, { subtaskId: '2' }, { clusterId: 'cluster-b' }, { taskId: '8' }].entries()) {
      const open = store.attempt(owner);
      await open.openFence();
      expect(await open.connection.effectOnce(insert(index))).toMatchObject({ isRepeat: false });
    }
    expect(await store.rows()).toEqual([0, 1, 2, 3]);
    const [other] = await store.attempt({ clusterId: 'cluster-b' }).connection.ledger();
    expect(other).toMatchObject({ subtaskId: '1', result: { n: 2 } });
  });

  // Seen to fail with a ledger that knew no connections: the second one got the first one's result, and its work was never done.
  test('of another connection to the same database is another one, also for a revert', async () => {
    const store = await target();
    await store.openFence();
    const [sales, archive] = [store.attempt(), store.attempt({ connection: 'archive' })];
    expect(await sales.connection.effectOnce(insert(1))).toEqual({ result: { n: 1 }, isRepeat: false });
    expect(await archive.connection.effectOnce(insert(2))).toEqual({ result: { n: 2 }, isRepeat: false });
    for (const connection of ['warehouse', 'archive']) {
      const open = store.attempt({ subtaskId: '2', connection });
      const batches = open.connection.effectBatches<number, number>(7, (all) =>
        all.batch(async (client, at) => (await insert(at)(client)).n + 1),
      );
      expect(await batches).toEqual({ result: 8, isRepeat: false });
    }
    expect(await store.rows()).toEqual([1, 2, 7, 7]);
    const again = store.attempt({ connection: 'archive', attempt: 2 }).connection;
    expect(await again.effectOnce(insert(3))).toEqual({ result: { n: 2 }, isRepeat: true });
    expect(await again.ledger()).toMatchObject([{ subtaskId: '1', result: { n: 2 } }, { subtaskId: '2' }]);
    const undone = await again.revertEffects((_, entries) => Promise.resolve(entries.length));
    expect(undone).toBe(2);
    // What the other connection did is not forgotten with it.
    expect(await sales.connection.ledger()).toHaveLength(2);
  });

  test('waits for another attempt that has it open, does nothing twice and repeats its result', async () => {
    const store = await target();
    await store.openFence();
    const held = heldWork(1);
    // The one that waits is no newer attempt, so it ends nobody.
    const first = store.attempt({ attempt: 2 }).connection.effectOnce(held.work);
    await held.begun;
    const second = store.attempt({ attempt: 1 }).connection.effectOnce(insert(2));
    await store.blocked('ls/7/1/1');
    held.end.resolve(null);
    expect(await first).toMatchObject({ isRepeat: false });
    expect(await second).toEqual({ result: { n: 1 }, isRepeat: true });
    expect(await store.rows()).toEqual([1]);
  });

  test('does the work when the one that it waited for was rolled back', async () => {
    const store = await target();
    await store.openFence();
    const held = heldWork(1);
    const first = store.attempt({ attempt: 2 }).connection.effectOnce(held.work);
    await held.begun;
    const second = store.attempt({ attempt: 1 }).connection.effectOnce(insert(2));
    await store.blocked('ls/7/1/1');
    held.end.reject(new Error('the plugin failed'));
    await expect(first).rejects.toThrow('the plugin failed');
    expect(await second).toEqual({ result: { n: 2 }, isRepeat: false });
    expect(await store.rows()).toEqual([2]);
  });

  // Tried: attempts compared as text, where 9 is no older than 10. The newer one waited for ever.
  test('of a newer attempt ends the session of an older one that keeps it waiting', async () => {
    const store = await target();
    await store.openFence();
    const held = heldWork(1);
    const ended = expect(store.attempt({ attempt: 9 }).connection.effectOnce(held.work)).rejects.toThrow();
    await held.begun;
    expect(await store.attempt({ attempt: 10 }).connection.effectOnce(insert(2))).toMatchObject({ isRepeat: false });
    held.end.resolve(null);
    await ended;
    expect(await store.rows()).toEqual([2]);
  });

  // ✗ tried: the ledger's row last. All of the work is done twice, and the second one fails in the user's data; here the work saw no row.
  test('has its ledger row before its work', async () => {
    const store = await target();
    await store.openFence();
    const seen = await store.attempt().connection.effectOnce(async (client) => {
      const rows = await client.query<{ is_done: boolean }>('SELECT is_done FROM longshore_effects.ledger');
      return { rows: rows.rows.map((row) => row.is_done) };
    });
    expect(seen.result).toEqual({ rows: [false] });
  });

  test('whose transaction was ended by its own work is refused, then and when it is run again', async () => {
    const store = await target();
    await store.openFence();
    const committing = store.attempt().connection.effectOnce(async (client) => {
      await insert(1)(client);
      await client.query('COMMIT');
      return null;
    });
    await expect(committing).rejects.toMatchObject({ code: 'EFFECTS_TRANSACTION_ENDED', permanent: true });
    // Nobody knows how far it came, so it is not taken for done.
    const again = store.attempt({ attempt: 2 }).connection.effectOnce(insert(2));
    await expect(again).rejects.toMatchObject({ code: 'EFFECTS_TRANSACTION_ENDED' });

    const rolling = store.attempt({ subtaskId: '2' }).connection.effectOnce(async (client) => {
      await client.query('ROLLBACK');
      return insert(3)(client);
    });
    await expect(rolling).rejects.toMatchObject({ code: 'EFFECTS_TRANSACTION_ENDED' });
  });

  test('whose work went on after an error of the database is not committed', async () => {
    const store = await target();
    await store.openFence();
    const swallowing = store.attempt().connection.effectOnce(async (client) => {
      await insert(1)(client);
      await client.query('SELECT 1 / 0').catch(() => undefined);
      return null;
    });
    await expect(swallowing).rejects.toMatchObject({ code: '25P02' });
    expect(await store.rows()).toEqual([]);
    expect(await store.attempt({ attempt: 2 }).connection.effectOnce(insert(2))).toMatchObject({ isRepeat: false });
  });
});

describe('an abort', () => {
  test('in the middle of a COPY rolls back, and gives its reason', async () => {
    const store = await target();
    await store.openFence();
    const abort = new AbortController();
    const copy = new OpenCopy();
    const open = store.attempt({ signal: abort.signal });
    const effect = open.connection.effectOnce(async (client) => {
      client.stream(copy);
      return copy.ended.promise;
    });
    await copy.started.promise;
    abort.abort(new Error('canceled'));
    await expect(effect).rejects.toThrow('canceled');
    await store.gone('ls/7/1/1');
    expect(await store.rows()).toEqual([]);
    await open.close();
    expect(await store.attempt({ attempt: 2 }).connection.effectOnce(insert(2))).toMatchObject({ isRepeat: false });
  });

  test('between two statements rolls back as well', async () => {
    const store = await target();
    await store.openFence();
    const abort = new AbortController();
    const held = heldWork(1);
    const effect = store.attempt({ signal: abort.signal }).connection.effectOnce(held.work);
    const canceled = expect(effect).rejects.toThrow('canceled');
    await held.begun;
    abort.abort(new Error('canceled'));
    await store.gone('ls/7/1/1');
    held.end.resolve(null);
    await canceled;
    expect(await store.rows()).toEqual([]);
  });
});

test('an effect whose answer to COMMIT got lost is repeated by the next attempt', async () => {
  const store = await target();
  await store.openFence();
  const proxy = await store.proxy();
  const first = store.attempt({ url: proxy.through(store.url) }).connection;
  await first.read((client) => client.query('SELECT 1'));
  // With the end of the message: COMMITTED is a part of every BEGIN.
  proxy.loseAnswerTo('COMMIT\0');
  await expect(first.effectOnce(insert(1))).rejects.toThrow();
  const again = await store.attempt({ attempt: 2 }).connection.effectOnce(insert(2));
  expect(again).toEqual({ result: { n: 1 }, isRepeat: true });
  expect(await store.rows()).toEqual([1]);
});

test('the ledger lists what was committed, of one step or of all, with the transaction that wrote it', async () => {
  const store = await target();
  await store.openFence();
  for (const [subtaskId, step] of [
    ['10', 'load'],
    ['9', 'load'],
    ['11', 'verify'],
  ] as const) {
    await store.attempt({ subtaskId, step }).connection.effectOnce(insert(Number(subtaskId)));
  }
  await store
    .attempt({ subtaskId: '12' })
    .connection.effectOnce(() => Promise.reject(new Error('no')))
    .catch(() => undefined);
  const { connection } = store.attempt({ subtaskId: '99' });
  expect((await connection.ledger()).map((entry) => entry.subtaskId)).toEqual(['9', '10', '11']);
  const load = await connection.ledger('load');
  expect(load).toMatchObject([
    { subtaskId: '9', step: 'load', attempt: 1, result: { n: 9 } },
    { subtaskId: '10', step: 'load', attempt: 1, result: { n: 10 } },
  ]);
  const session = await store.session();
  const [row] = await session.run<{ xmin: string }>('SELECT xmin::text FROM t WHERE n = 9');
  expect(BigInt(load[0]!.transactionId) & 0xffff_ffffn).toBe(BigInt(row!.xmin));
});

describe('a revert', () => {
  test('undoes and forgets in one transaction; when it fails, both stay', async () => {
    const store = await target();
    await store.openFence();
    await store.attempt().connection.effectOnce(insert(1));
    const other = store.attempt({ taskId: '8' });
    await other.openFence();
    await other.connection.effectOnce(insert(8));
    const { connection } = store.attempt({ subtaskId: '5', step: '' });
    const undo = (client: SqlClient) => client.query('DELETE FROM t WHERE n < 8');
    const failing = connection.revertEffects(async (client) => {
      await undo(client);
      throw new Error('not yet');
    });
    await expect(failing).rejects.toThrow('not yet');
    expect(await store.rows()).toEqual([1, 8]);
    expect(await connection.ledger()).toHaveLength(1);
    const committed = await connection.revertEffects(async (client, entries) => {
      await undo(client);
      return entries.map((entry) => entry.subtaskId);
    });
    expect(committed).toEqual(['1']);
    expect(await store.rows()).toEqual([8]);
    expect(await connection.ledger()).toEqual([]);
    expect(await other.connection.ledger()).toHaveLength(1);
  });

  test('closes the fence for good: what comes later changes nothing', async () => {
    const store = await target();
    const open = store.attempt();
    await open.openFence();
    await store.attempt({ subtaskId: '5' }).connection.revertEffects(() => Promise.resolve(null));
    await open.openFence();
    await expect(open.connection.effectOnce(insert(1))).rejects.toMatchObject({ code: 'EFFECTS_FENCE_CLOSED' });
    expect(await store.rows()).toEqual([]);
  });

  test('ends an effect that is open after the grace time, and the effect commits nothing', async () => {
    const store = await target();
    await store.openFence();
    const held = heldWork(1);
    const ended = expect(store.attempt().connection.effectOnce(held.work)).rejects.toThrow();
    await held.begun;
    await store
      .attempt({ subtaskId: '5', fenceGraceMs: 50 })
      .connection.revertEffects((client) => client.query('DELETE FROM t'));
    held.end.resolve(null);
    await ended;
    expect(await store.rows()).toEqual([]);
  });

  // Tried: a revert that waits without ending anybody. A COPY that waits for its client ends by no time-out: it hung.
  test('ends a COPY that is open after the grace time, and nothing of it is there', async () => {
    const store = await target();
    await store.openFence();
    const copy = new OpenCopy();
    const late = store.attempt().connection.effectOnce(async (client) => {
      client.stream(copy);
      return copy.ended.promise;
    });
    const ends = late.catch((error: unknown) => error);
    await copy.started.promise;
    await store
      .attempt({ subtaskId: '5', fenceGraceMs: 50 })
      .connection.revertEffects((client) => client.query('DELETE FROM t'));
    expect(await ends).toMatchObject({ code: '57P01' });
    await store.gone('ls/7/1/1');
    expect(await store.rows()).toEqual([]);
    await expect(store.attempt().connection.effectOnce(insert(2))).rejects.toMatchObject({
      code: 'EFFECTS_FENCE_CLOSED',
    });
  });

  test('lets an effect that ends in time commit, and undoes it', async () => {
    const store = await target();
    await store.openFence();
    const held = heldWork(1);
    const effect = store.attempt().connection.effectOnce(held.work);
    await held.begun;
    const reverting = store.attempt({ subtaskId: '5' }).connection.revertEffects(async (client, entries) => {
      await client.query('DELETE FROM t');
      return entries.length;
    });
    await store.closed();
    held.end.resolve(null);
    expect(await effect).toMatchObject({ isRepeat: false });
    expect(await reverting).toBe(1);
    expect(await store.rows()).toEqual([]);
  });

  // Tried: a missing fence that counts as open. The effect was committed.
  test('an effect without an open fence changes nothing', async () => {
    const store = await target();
    await expect(store.attempt().connection.effectOnce(insert(1))).rejects.toMatchObject({
      code: 'EFFECTS_FENCE_CLOSED',
    });
    expect(await store.rows()).toEqual([]);
  });
});
