import { startPostgres } from '@longshore/embedded';
import pg from 'pg';

/** A server that tests have for themselves. */
export interface TargetServer {
  /** Of a database that nobody else uses. Its role is a superuser. */
  readonly url: string;
  stop(): Promise<void>;
}

/** An empty target database for tests that use it one after the other, with sessions of their own. */
export interface TargetDatabase {
  readonly url: string;
  readonly client: pg.Client;
  /** Opens another session. It ends with the target. */
  connect(): Promise<pg.Client>;
  /** The next number of a task: each task needs its own, because fences and ledgers are kept by it. */
  nextTaskId(): string;
  /** Empties the schema `public` and forgets all effects. */
  reset(): Promise<void>;
  /** Ends the sessions and the server. */
  stop(): Promise<void>;
}

/** Starts a server. Default: the embedded one, which forgets everything in a crash. */
export async function openTargetDatabase(
  startServer: () => Promise<TargetServer> = () => startPostgres({ durable: false }),
): Promise<TargetDatabase> {
  const server = await startServer();
  const sessions: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const session = new pg.Client({ connectionString: server.url });
    // A session that a test ends from the server's side must not end the test's process.
    session.on('error', () => undefined);
    await session.connect();
    sessions.push(session);
    return session;
  };
  const client = await connect();
  let lastTaskId = 0;
  return {
    url: server.url,
    client,
    connect,
    nextTaskId: () => `${++lastTaskId}`,
    reset: async () => {
      await client.query(
        'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS longshore_effects CASCADE',
      );
    },
    stop: async () => {
      await Promise.all(sessions.map((session) => session.end()));
      await server.stop();
    },
  };
}
