import { openTargetDatabase, type TargetDatabase, type TargetServer } from '@longshore/testing-plugins';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { IndexRun } from './index-run.ts';

/** An index as the catalog shows it. */
export interface ShownIndex {
  readonly table: string;
  readonly name: string;
  readonly valid: boolean;
  readonly parent: string | null;
}

/** A target database with nothing in its schema `public`; the tests of a file use it one after the other. */
export interface IndexTarget {
  readonly url: string;
  /** A session of the test's own. */
  readonly client: pg.Client;
  /** Another one, ended with the test. */
  session(): Promise<pg.Client>;
  /** An add-index of its own. */
  start(meta: Record<string, unknown>, options?: { readonly url?: string }): IndexRun;
  /** All indexes of the schema, by table and name. */
  indexes(): Promise<ShownIndex[]>;
  /** Sessions of hooks under this application name. */
  sessions(
    application: RegExp,
  ): Promise<{ readonly pid: number; readonly state: string; readonly wait: string | null; readonly query: string }[]>;
}

/** An expectation of a state that comes: looked at until it holds, or a deadline that only a hang reaches. */
export const eventually = <T>(read: () => T | Promise<T>): ReturnType<typeof expect.poll<T>> =>
  expect.poll(read, { timeout: 60_000 });

/** @param startServer the server for the tests of a file. Default: the embedded one. */
export function useIndexTarget(startServer?: () => Promise<TargetServer>): IndexTarget {
  let target: TargetDatabase;
  const opened: pg.Client[] = [];
  beforeAll(async () => {
    target = await openTargetDatabase(startServer);
    await target.client.query(`CREATE ROLE loader LOGIN PASSWORD 'secret'`);
  });
  afterAll(() => target.stop());
  beforeEach(async () => {
    await Promise.all(opened.splice(0).map((session) => session.end()));
    await target.client.query('DROP OWNED BY loader');
    await target.reset();
  });
  return {
    get url() {
      return target.url;
    },
    get client() {
      return target.client;
    },
    session: async () => {
      const session = await target.connect();
      opened.push(session);
      return session;
    },
    start: (meta, { url = target.url } = {}) => new IndexRun({ url, taskId: target.nextTaskId(), meta }),
    indexes: async () => {
      const { rows } = await target.client.query<ShownIndex>(
        `SELECT x.indrelid::regclass::text AS table, c.relname AS name, x.indisvalid AS valid, p.relname AS parent
         FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
         LEFT JOIN pg_class p ON p.oid = h.inhparent
         WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2`,
      );
      return rows;
    },
    sessions: async (application) => {
      const { rows } = await target.client.query<{
        pid: number;
        state: string;
        wait: string | null;
        query: string;
        name: string;
      }>(
        `SELECT pid, state, wait_event_type AS wait, query, application_name AS name FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid`,
      );
      return rows.filter(({ name }) => application.test(name));
    },
  };
}

/** Ends the sessions of hooks that are in this statement, as a lost server or network would. */
export async function terminate(target: IndexTarget, statement: RegExp): Promise<void> {
  const sessions = (await target.sessions(/^ls\//)).filter(({ query }) => statement.test(query));
  expect(sessions).not.toEqual([]);
  for (const { pid } of sessions) await target.client.query('SELECT pg_terminate_backend($1)', [pid]);
}

/** Waits until a hook's session is in this statement and waits for a lock there. */
export async function untilBlocked(target: IndexTarget, statement: RegExp): Promise<void> {
  await eventually(
    async () =>
      (await target.sessions(/^ls\//)).filter(({ query, wait }) => wait === 'Lock' && statement.test(query)).length,
  ).toBeGreaterThan(0);
}

/** `orders` with some rows: 0 levels of partitions are a plain table. The deepest tables have them all. */
export async function createOrders(client: pg.Client, depth: 0 | 1 | 2 | 3): Promise<void> {
  const columns = '(id bigint NOT NULL, customer text NOT NULL, amount numeric)';
  if (depth === 0) await client.query(`CREATE TABLE orders ${columns}`);
  else {
    await client.query(`CREATE TABLE orders ${columns} PARTITION BY RANGE (id)`);
    await createPartitions(client, 'orders', depth, 0, 400);
  }
  await client.query(`INSERT INTO orders SELECT i, 'customer ' || i % 7, i FROM generate_series(0, 399) i`);
}

async function createPartitions(
  client: pg.Client,
  parent: string,
  depth: number,
  from: number,
  to: number,
): Promise<void> {
  const middle = (from + to) / 2;
  const halves: [number, number][] = [
    [from, middle],
    [middle, to],
  ];
  for (const [i, [low, high]] of halves.entries()) {
    const name = `${parent}_${i + 1}`;
    const more = depth === 1 ? '' : 'PARTITION BY RANGE (id)';
    await client.query(`CREATE TABLE ${name} PARTITION OF ${parent} FOR VALUES FROM (${low}) TO (${high}) ${more}`);
    if (depth > 1) await createPartitions(client, name, depth - 1, low, high);
  }
}
