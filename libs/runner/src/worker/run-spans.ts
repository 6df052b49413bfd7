import { parentPort } from 'node:worker_threads';
import { startWorkerTracing, type WorkerTracing } from '@longshore/telemetry/worker';
import type { MessageFromRunner } from '../channel/messages.ts';

let tracing: WorkerTracing | null = null;

/** Has this thread traced: spans of its runs go to the executor, which exports them. */
export async function openRunSpans(): Promise<void> {
  tracing = await startWorkerTracing((runId, spans) => {
    parentPort?.postMessage({ kind: 'spans', runId, spans } satisfies MessageFromRunner);
  });
}

/** Hands over what a run has left, right before its end is told. */
export function flushRunSpans(runId: string): void {
  tracing?.flush(runId);
}
