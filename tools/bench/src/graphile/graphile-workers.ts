import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a worker process is told. */
export type GraphileOrder = 'start' | 'stop';

export interface GraphileOptions {
  /** The database, with the peer's schema. */
  readonly url: string;
  readonly processes: number;
  /** Jobs that a process takes at once into its memory; 1 takes none ahead. */
  readonly localQueueSize: number;
  readonly concurrentJobs: number;
  /** Told when a join job has run, in milliseconds since the epoch. */
  readonly onJoined?: (at: number) => void;
}

/** Worker processes of the peer, loaded and not started yet. They end with this process. */
export interface GraphileWorkers {
  /** Has them take jobs; resolves when all of them do. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function forkGraphileWorkers(options: GraphileOptions): Promise<GraphileWorkers> {
  const { url, processes, localQueueSize, concurrentJobs, onJoined } = options;
  const children: ChildProcess[] = [];
  for (let index = 0; index < processes; index++) {
    const child = fork(fileURLToPath(new URL('./graphile-process.ts', import.meta.url)), [
      url,
      String(localQueueSize),
      String(concurrentJobs),
    ]);
    child.on('message', (message: { joinedAt?: number }) => {
      if (message.joinedAt !== undefined) onJoined?.(message.joinedAt);
    });
    children.push(child);
  }
  await Promise.all(children.map((child) => once(child, 'message')));
  return {
    start: async () => {
      await Promise.all(
        children.map((child) => {
          const started = once(child, 'message');
          child.send('start' satisfies GraphileOrder);
          return started;
        }),
      );
    },
    stop: async () => {
      await Promise.all(
        children.map(async (child) => {
          const exited = once(child, 'exit');
          child.send('stop' satisfies GraphileOrder);
          await exited;
        }),
      );
    },
  };
}
