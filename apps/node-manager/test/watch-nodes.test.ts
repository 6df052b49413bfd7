import { connectBus, type Bus } from '@longshore/bus';
import { startBroker, startPostgres, type Broker, type EmbeddedPostgres } from '@longshore/embedded';
import { electLeader, migrateStore, openStore, readNode, registerNode, type Store } from '@longshore/store';
import { waitUntil } from '@longshore/test-kit';
import { sql } from 'kysely';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { watchNodes } from '../src/watch-nodes.ts';

const LONG_MS = 3_600_000;
/** What the nodes of these tests go by. A shorter lease would take a busy machine for an outage. */
const LEASE = { ttlMs: 3_000, marginMs: 100 };

let postgres: EmbeddedPostgres;
let broker: Broker;
let store: Store;
let bus: Bus;

beforeAll(async () => {
  [postgres, broker] = await Promise.all([startPostgres({ durable: false }), startBroker()]);
  await migrateStore(postgres.url);
  store = openStore({ url: postgres.url, applicationName: 'node-manager-test' });
  bus = await connectBus({ servers: broker.url, cluster: 'test', name: 'node-manager-test' });
});
afterAll(async () => {
  await bus.close();
  await store.close();
  await Promise.all([postgres.stop(), broker.stop()]);
});

async function addNode(id: string, leaseTtlMs: number): Promise<void> {
  await registerNode(store.db, { id, scope: '', labels: {}, slots: 8, types: [], host: 'here', pid: 1, leaseTtlMs });
}

const stateOf = async (id: string): Promise<string | undefined> => (await readNode(store.db, id))?.state;

/** Leads until the test is over. @returns its warnings. */
async function lead(): Promise<readonly string[]> {
  const lease = await electLeader(store.db, 'node-manager', 'm1', LONG_MS);
  if (lease === null) throw new Error('somebody leads already');
  const warnings: string[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_: unknown, message: string) => void warnings.push(message),
  };
  const config = { pollMs: 50, nodeRetentionMinutes: 1_440 };
  const context = { store, bus, logger, config, telemetry: { tracing: null }, metrics: new Registry() };
  const ending = new AbortController();
  const watching = watchNodes(context as never, LEASE, lease, ending.signal);
  onTestFinished(async () => {
    ending.abort();
    await watching;
  });
  return warnings;
}

test('a node whose row is locked delays no other: that is declared dead, and what it had is freed', async () => {
  for (const id of ['locked', 'lost', 'live']) await addNode(id, LONG_MS);
  await addNode('probe', 0);
  const warnings = await lead();
  // The first round gives every node a fresh lease. It is over when one has been declared dead.
  await waitUntil(
    () => stateOf('probe'),
    (state) => state === 'dead',
    { what: 'the first round is over' },
  );
  await sql`
    INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, node_epoch, attempt, is_idempotent, meta)
    VALUES (1, 'work', 'load', 1, 1, 'running', 'lost', 1, 1, true, '{}')`.execute(store.db);

  await store.db.transaction().execute(async (claiming) => {
    // As an open claim does. A change of the lease doesn't wait for it; who declares the node dead does.
    await sql`SELECT 1 FROM nodes WHERE id = 'locked' FOR KEY SHARE`.execute(claiming);
    await sql`UPDATE nodes SET lease_expires_at = '-infinity' WHERE id IN ('locked', 'lost')`.execute(store.db);
    await waitUntil(
      () => store.db.selectFrom('subtasks').select(['state', 'exec_id']).executeTakeFirst(),
      (row) => row?.state === 'pending',
      { what: 'what the lost node had is freed' },
    );
    await waitUntil(
      () => Promise.resolve(warnings),
      (lines) => lines.some((line) => line.startsWith('node locked ')),
      { what: 'the log says that a node is locked' },
    );
    expect([await stateOf('lost'), await stateOf('locked'), await stateOf('live')]).toEqual(['dead', 'live', 'live']);
  });
  await waitUntil(
    () => stateOf('locked'),
    (state) => state === 'dead',
    { what: 'the node that was locked is declared dead' },
  );
  expect(await stateOf('live')).toBe('live');
  // Said once, however many rounds found it locked.
  expect(warnings.filter((line) => line.startsWith('node locked '))).toEqual([
    "node locked can't be declared dead yet: another session has locked the row; looking again each round",
  ]);
});
