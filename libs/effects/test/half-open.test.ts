import type { JsonValue, SqlClient, TargetConnection } from '@longshore/sdk';
import { describe, expect, test } from 'vitest';
import { OpenCopy } from './fixtures/open-copy.ts';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

/** Work that is in the middle of something when its network goes away, and never hears of it. */
interface Interrupted {
  readonly begun: Promise<unknown>;
  readonly work: (client: SqlClient) => Promise<JsonValue>;
  /** Lets the work end when the test is over. */
  readonly end: () => void;
}

function idleInTransaction(): Interrupted {
  const begun = Promise.withResolvers<null>();
  const end = Promise.withResolvers<null>();
  return {
    begun: begun.promise,
    work: async (client) => {
      await client.query('INSERT INTO t VALUES (1)');
      begun.resolve(null);
      return end.promise;
    },
    end: () => end.resolve(null),
  };
}

function inCopy(): Interrupted {
  const copy = new OpenCopy();
  return {
    begun: copy.started.promise,
    work: (client) => {
      client.stream(copy);
      return copy.ended.promise;
    },
    end: () => undefined,
  };
}

type Run = (connection: TargetConnection, work: (client: SqlClient) => Promise<JsonValue>) => Promise<unknown>;

const once: Run = (connection, work) => connection.effectOnce(work);
const batches: Run = (connection, work) =>
  connection.effectBatches<number, number>(0, (all) =>
    all.batch(async (client) => {
      await work(client);
      return 1;
    }),
  );

/**
 * The proxy answers for the vanished client, so no keep-alive ends its session. Tried: nobody ends what blocks a newer attempt. It waited
 * until the time-out of the session that is idle in a transaction (5 min), and for ever where that waits for the rest of a COPY.
 */
describe.each([
  ['idle in a transaction', 'idle in transaction', idleInTransaction],
  ['in the middle of a COPY', 'active', inCopy],
] as const)('a half-open session of an older attempt, %s', (_, state, interrupted) => {
  test.each([
    ['effectOnce', once],
    ['effectBatches', batches],
  ] as const)('is ended by the next one in %s, and nothing of it is there', async (_name, run) => {
    const store = await target();
    await store.openFence();
    const proxy = await store.proxy();
    const abort = new AbortController();
    const half = interrupted();
    const older = run(store.attempt({ url: proxy.through(store.url), signal: abort.signal }).connection, half.work);
    older.catch(() => undefined);
    await half.begun;
    proxy.freeze();
    const watch = await store.session();
    const left = () =>
      watch.run(`SELECT state FROM pg_stat_activity WHERE application_name = 'ls/7/1/1' AND backend_xid IS NOT NULL`);
    expect(await left()).toEqual([{ state }]);
    await run(store.attempt({ attempt: 2 }).connection, async (client) => {
      await client.query('INSERT INTO t VALUES (2)');
      return null;
    });
    expect(await left()).toEqual([]);
    expect(await store.rows()).toEqual([2]);
    abort.abort(new Error('over'));
    half.end();
    await expect(older).rejects.toThrow('over');
  });
});
