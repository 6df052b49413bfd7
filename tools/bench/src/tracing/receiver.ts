import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A collector in another process. */
export interface Receiver {
  readonly url: string;
  /** Spans that have arrived so far. */
  spans(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts it on a free port. It ends with this process. */
export async function startReceiver(): Promise<Receiver> {
  const child = fork(fileURLToPath(new URL('./receiver-process.ts', import.meta.url)));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    spans: async () => {
      child.send('spans');
      const [{ spans }] = (await once(child, 'message')) as [{ spans: number }];
      return spans;
    },
    stop: async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
