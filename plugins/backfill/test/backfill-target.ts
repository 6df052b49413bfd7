import { startPostgres } from '@longshore/embedded';
import type { TaskType } from '@longshore/sdk';
import pg from 'pg';
import backfillTaskType, { type BackfillTuning } from '../src/index.ts';
import { BackfillRun } from './backfill-run.ts';

/** A server, and a session of the test's own. */
export interface BackfillTarget {
  readonly client: pg.Client;
  readonly url: string;
  /** A backfill of its own into the target; of the SQL type unless another one is given. */
  start<Meta extends BackfillTuning>(meta: Record<string, unknown>, options?: StartOptions<Meta>): BackfillRun;
  /** Another session, ended with the target. */
  connect(): Promise<pg.Client>;
  /** Removes all tables and what effects left. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartOptions<Meta extends BackfillTuning> {
  readonly url?: string;
  readonly type?: TaskType<Meta, undefined>;
}

export async function openBackfillTarget(): Promise<BackfillTarget> {
  const server = await startPostgres({ durable: false });
  const others: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url });
    client.on('error', () => undefined);
    await client.connect();
    others.push(client);
    return client;
  };
  const client = await connect();
  let lastTaskId = 0;
  return {
    client,
    url: server.url,
    start: (meta, { url = server.url, type } = {}) =>
      new BackfillRun({
        url,
        type: type ?? backfillTaskType,
        taskId: `${++lastTaskId}`,
        meta,
      }),
    connect,
    reset: async () => {
      await client.query(
        'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS longshore_effects CASCADE',
      );
    },
    stop: async () => {
      await Promise.all(others.map((other) => other.end()));
      await server.stop();
    },
  };
}
