import { describe, expect, test } from 'vitest';
import {
  asLeader,
  cancelTask,
  electLeader,
  modifyTask,
  ownerWrites,
  pauseTask,
  readEvents,
  readTask,
  renewLeadership,
  resignLeadership,
  resumeTask,
  type Db,
  type OwnerWrites,
} from '../src/index.ts';
import { sql } from 'kysely';
import { useStoreServer, type Session, type TestStore } from './fixtures/store-server.ts';
import {
  addNode,
  FAILURE,
  lead,
  leadingOwner,
  LONG_MS,
  runningTask,
  settle,
  submit,
  claim,
  SUCCEEDED,
} from './fixtures/tasks.ts';

const server = useStoreServer();

/** A leader's write in the forms of the store, open in the middle: what is left when its process is stopped there. */
async function stoppedLeader(store: TestStore, epoch: string): Promise<Session> {
  const session = await store.session();
  await session.run('BEGIN ISOLATION LEVEL READ COMMITTED');
  const fence = await session.run(
    `SELECT 1 FROM leases WHERE name = 'owner' AND epoch = $1 AND expires_at > clock_timestamp() FOR KEY SHARE`,
    [epoch],
  );
  expect(fence).toHaveLength(1);
  return session;
}

async function expire(store: TestStore): Promise<void> {
  const session = await store.session();
  await session.run(`UPDATE leases SET expires_at = clock_timestamp() - interval '1s'`);
}

describe('election', () => {
  test('there is one leader at a time, and its epoch rises with each', async () => {
    const { db } = await server.store();
    expect(await electLeader(db, 'owner', 'a', LONG_MS)).toEqual({ name: 'owner', holder: 'a', epoch: '1' });
    expect(await electLeader(db, 'owner', 'b', LONG_MS)).toBeNull();
    expect(await electLeader(db, 'balancer', 'b', LONG_MS)).toMatchObject({ epoch: '1' });
    await resignLeadership(db, { name: 'owner', holder: 'a', epoch: '1' });
    expect(await electLeader(db, 'owner', 'b', LONG_MS)).toEqual({ name: 'owner', holder: 'b', epoch: '2' });
  });

  test('of many that run for a free lease, one is elected', async () => {
    const store = await server.store();
    const processes = Array.from({ length: 8 }, (_, index) => store.process(`o${index}`).db);
    const leases = await Promise.all(processes.map((db, index) => electLeader(db, 'owner', `o${index}`, LONG_MS)));
    expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
  });

  test('a lease that was lost is neither renewed nor given up for its next holder', async () => {
    const store = await server.store();
    const lost = await lead(store.db, 'owner');
    await expire(store);
    expect(await renewLeadership(store.db, lost, LONG_MS)).toBe(false);
    const next = await lead(store.db, 'owner', 'next');
    expect(await renewLeadership(store.db, lost, LONG_MS)).toBe(false);
    await resignLeadership(store.db, lost);
    expect(await renewLeadership(store.db, next, LONG_MS)).toBe(true);
  });

  test('a renewal does not wait for open writes of its own leader', async () => {
    const store = await server.store();
    const lease = await lead(store.db, 'owner');
    const write = await stoppedLeader(store, '1');
    expect(await renewLeadership(store.db, lease, LONG_MS)).toBe(true);
    await write.run('COMMIT');
  });

  // ✗ tried: now(). The elector that waited longer than the lease lasts wrote one that had expired.
  test('the lease of an elector that had to wait counts from the end of its waiting', async () => {
    const store = await server.store();
    const session = await store.session();
    await session.run('BEGIN');
    await session.run(`SELECT 1 FROM leases WHERE name = 'owner' FOR UPDATE`);
    const electing = electLeader(store.process('elector').db, 'owner', 'next', 60_000);
    await store.blocked('elector');
    const [freed] = await session.run<{ at: Date }>('SELECT clock_timestamp() AS at');
    await session.run('COMMIT');
    expect(await electing).toMatchObject({ epoch: '1' });
    const [lease] = await session.run<{ expires_at: Date }>(`SELECT expires_at FROM leases WHERE name = 'owner'`);
    expect(lease!.expires_at.getTime()).toBeGreaterThanOrEqual(freed!.at.getTime() + 60_000);
  });
});

describe('a leader that was stopped in the middle of a write', () => {
  test('is ended by the elector, and nothing of it lands', async () => {
    const store = await server.store();
    await lead(store.db, 'owner');
    const taskId = await submit(store.db);
    const stopped = await stoppedLeader(store, '1');
    await stopped.run(`UPDATE tasks SET state = 'failed' WHERE id = $1`, [taskId]);
    await expire(store);
    const next = await electLeader(store.process('elector').db, 'owner', 'next', LONG_MS);
    expect(next).toMatchObject({ epoch: '2' });
    await expect(stopped.run('COMMIT')).rejects.toThrow();
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'pending' });
    // What is locked is free at once.
    expect(await ownerWrites(store.db, next!, 'o2').refuse(taskId, FAILURE)).toBe(true);
  });

  test('is waited for when it goes on in time: its write lands before the election, not after', async () => {
    const store = await server.store();
    await lead(store.db, 'owner');
    const taskId = await submit(store.db);
    const slow = await stoppedLeader(store, '1');
    await expire(store);
    const electing = electLeader(store.process('elector').db, 'owner', 'next', LONG_MS);
    await store.blocked('elector');
    await slow.run(`UPDATE tasks SET state = 'failed' WHERE id = $1`, [taskId]);
    await slow.run('COMMIT');
    expect(await electing).toMatchObject({ epoch: '2' });
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'failed' });
  });

  // Tried: ending everybody who is said to block. The second elector is blocked by the first one too, which waits in front of it.
  test('is ended by electors that do not end each other', async () => {
    const store = await server.store();
    await lead(store.db, 'owner');
    const electors = Array.from({ length: 3 }, (_, index) => store.process(`elector${index}`));
    // Each has its sessions ready, so that they wait at about the same time.
    await Promise.all(electors.map(({ db }) => sql`SELECT 1`.execute(db)));
    await stoppedLeader(store, '1');
    await expire(store);
    const leases = await Promise.all(
      electors.map(({ db }, index) => electLeader(db, 'owner', `elector${index}`, LONG_MS)),
    );
    expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
  });

  // ✗ tried here: the election as one plain UPDATE of the lease. Where no key column changes it does not wait, and what the old
  // leader has open commits after it. In our schema the epoch is part of a key, so even that form waits; without the key the second half
  // fails, and with `electLeader` as one update nobody ends the old leader's session, and the lease is as much shorter as it waited.
  test('an election that does not raise a key would not wait for it', async () => {
    const store = await server.store();
    await lead(store.db, 'owner');
    const taskId = await submit(store.db);
    const slow = await stoppedLeader(store, '1');
    const mutated = await store.session();
    await mutated.run(`SET lock_timeout = '300ms'`);
    await mutated.run(`UPDATE leases SET holder = 'next' WHERE name = 'owner'`);
    await slow.run(`UPDATE tasks SET state = 'failed' WHERE id = $1`, [taskId]);
    await slow.run('COMMIT');
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'failed' });
    const electing = stoppedLeader(store, '1').then(async () =>
      mutated.run(`UPDATE leases SET epoch = epoch + 1 WHERE name = 'owner'`),
    );
    await expect(electing).rejects.toMatchObject({ code: '55P03' });
  });
});

describe('a leader whose epoch is over', () => {
  test('writes nothing and is told LEADER_LOST, by every write of the owner', async () => {
    const store = await server.store();
    const old = await lead(store.db, 'owner');
    const owner = ownerWrites(store.db, old, 'o1');
    const node = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, node, { rows: 1 });
    const session = await store.session();
    const everything = () =>
      session.run(`SELECT t.*, (SELECT json_agg(s ORDER BY id) FROM subtasks s) AS subtasks FROM tasks t`);
    const before = await everything();
    await expire(store);
    const writes = [
      () => owner.saveAdmissions([{ taskId, reservedNodes: ['n9'], waiting: null }]),
      () => owner.insertControl(taskId, 'running', 'plan', 'n1'),
      () => owner.consumePrepare(taskId, '1'),
      () => owner.consumePlan(taskId, '1', { do: 'finish' }),
      () => owner.finish(taskId, null),
      () => owner.fail(taskId, FAILURE),
      () => owner.refuse(taskId, FAILURE),
      () => owner.suspend(taskId, FAILURE),
      () => owner.settle(taskId),
      () => owner.continue(taskId),
      () => owner.apply(taskId, null),
      () => owner.drop(taskId, FAILURE),
      () => owner.stop(taskId),
      () => owner.endPending(taskId),
      () => owner.undo(taskId, null),
      () => owner.archive(taskId),
    ];
    // Expired, and then replaced.
    for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'LEADER_LOST', permanent: false });
    await lead(store.db, 'owner', 'next');
    for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'LEADER_LOST' });
    expect(await everything()).toEqual(before);
  });

  test('a write that waits for the election finds its epoch gone', async () => {
    const store = await server.store();
    const old = await lead(store.db, 'owner');
    const taskId = await submit(store.db);
    const electing = await store.session();
    await electing.run('BEGIN');
    await electing.run(`SELECT 1 FROM leases WHERE name = 'owner' FOR UPDATE`);
    await electing.run(`UPDATE leases SET epoch = epoch + 1 WHERE name = 'owner'`);
    const refused = expect(
      ownerWrites(store.process('old').db, old, 'o1').refuse(taskId, FAILURE),
    ).rejects.toMatchObject({ code: 'LEADER_LOST' });
    await store.blocked('old');
    await electing.run('COMMIT');
    await refused;
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'pending' });
  });

  // ✗ tried: now(). It is when the transaction began, so what waited at its fence until the lease was over passed it.
  test('a write that waits at its fence is refused when the lease has ended meanwhile', async () => {
    const store = await server.store();
    const old = await lead(store.db, 'owner');
    const taskId = await submit(store.db);
    const session = await store.session();
    await session.run('BEGIN');
    await session.run(`SELECT 1 FROM leases WHERE name = 'owner' FOR UPDATE`);
    const refused = expect(
      ownerWrites(store.process('old').db, old, 'o1').refuse(taskId, FAILURE),
    ).rejects.toMatchObject({ code: 'LEADER_LOST' });
    await store.blocked('old');
    await session.run(`UPDATE leases SET expires_at = clock_timestamp() WHERE name = 'owner'`);
    await session.run('COMMIT');
    await refused;
    expect(await readTask(store.db, taskId)).toMatchObject({ state: 'pending' });
  });

  test('asLeader runs no part of its work', async () => {
    const store = await server.store();
    const old = await lead(store.db, 'owner');
    await expire(store);
    let ran = false;
    const write = asLeader(store.db, old, () => {
      ran = true;
      return Promise.resolve();
    });
    await expect(write).rejects.toMatchObject({ code: 'LEADER_LOST' });
    expect(ran).toBe(false);
  });
});

describe('two owners that both believe that they lead', () => {
  type Prepare = (db: Db, id: string, owner: OwnerWrites) => Promise<unknown>;
  type Write = (owner: OwnerWrites, id: string) => Promise<boolean>;
  const pausing: Prepare = (db, id) => pauseTask(db, id, 'client', null);
  const resuming: Prepare = async (db, id, owner) => {
    await pausing(db, id, owner);
    await owner.settle(id);
    await resumeTask(db, id, 'client', null);
  };
  const modifying: Prepare = (db, id) => modifyTask(db, id, { slots: 7 }, 'client', null);
  const nothing: Prepare = () => Promise.resolve();

  /** The state that each write leads to. */
  const WRITES: readonly (readonly [string, Prepare, Write, string])[] = [
    ['settle', pausing, (owner, id) => owner.settle(id), 'paused'],
    ['continue', resuming, (owner, id) => owner.continue(id), 'running'],
    ['apply', modifying, (owner, id) => owner.apply(id, null), 'running'],
    ['drop', modifying, (owner, id) => owner.drop(id, FAILURE), 'running'],
    ['suspend', nothing, (owner, id) => owner.suspend(id, FAILURE), 'pausing'],
    ['fail', nothing, (owner, id) => owner.fail(id, FAILURE), 'reverting'],
    ['stop', (db, id) => cancelTask(db, id, 'client', null), (owner, id) => owner.stop(id), 'reverting'],
  ];

  // The leases are forced apart while both write: each write of the old one lands before the election or not at all.
  test.each(WRITES)('of %s each task sees one, whoever wrote it', async (trigger, prepare, write, state) => {
    const store = await server.store();
    const { db } = store;
    const old = ownerWrites(store.process('old').db, await lead(db, 'owner', 'old'), 'owner old');
    const node = await addNode(db, 'n1');
    const ids: string[] = [];
    for (let count = 0; count < 6; count++) ids.push(await runningTask(db, old, node, { rows: 1 }));
    for (const id of ids) await prepare(db, id, old);
    const session = await store.session();

    const answers: boolean[] = [];
    let isLost = false;
    const oldOne = async (): Promise<void> => {
      for (const id of ids) {
        try {
          answers.push(await write(old, id));
        } catch (error) {
          expect(error).toMatchObject({ code: 'LEADER_LOST' });
          isLost = true;
        }
      }
    };
    const newOne = async (): Promise<void> => {
      await session.run(`UPDATE leases SET expires_at = '-infinity' WHERE name = 'owner'`);
      const lease = await lead(store.process('new').db, 'owner', 'new');
      const next = ownerWrites(store.process('new').db, lease, 'owner new');
      for (const id of ids) answers.push(await write(next, id));
    };
    await Promise.all([oldOne(), newOne()]);
    await expect(write(old, ids[0] ?? '')).rejects.toMatchObject({ code: 'LEADER_LOST' });

    expect(
      answers.filter((isWritten) => isWritten),
      `the old one was stopped: ${isLost}`,
    ).toHaveLength(ids.length);
    for (const id of ids) {
      expect(await readTask(db, id)).toMatchObject({ state });
      const events = await readEvents(db, id, 0, 99);
      expect(events.filter((event) => event.kind === trigger)).toHaveLength(1);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    }
  });
});

// ✗ tried: fence and decision in one statement. The decision saw the rows as they were before it waited, and the task was finished beside a
// new pending row.
test('a finish that waited for the task decides on what it finds then: a new pending row keeps the task running', async () => {
  const store = await server.store();
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await runningTask(store.db, owner, node, { rows: 1 });
  await settle(store.db, node, await claim(store.db, node, taskId, 1), SUCCEEDED);
  await resignLeadership(store.db, { name: 'owner', holder: 'owner-1', epoch: '1' });
  const finishing = await lead(store.db, 'owner');
  const adding = await store.session();
  await adding.run('BEGIN');
  await adding.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [taskId]);
  const finish = ownerWrites(store.process('finishing').db, finishing, 'o1').finish(taskId, null);
  await store.blocked('finishing');
  await adding.run(
    `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
     VALUES ($1, 'work', 'load', 1, 2, 'pending', 'n1', true, '{}')`,
    [taskId],
  );
  await adding.run('COMMIT');
  expect(await finish).toBe(false);
  expect(await readTask(store.db, taskId)).toMatchObject({ state: 'running' });
});
