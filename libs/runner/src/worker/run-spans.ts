import { startWorkerTracing, type WorkerTracing } from '@longshore/telemetry/worker';
import type { RunnerPort } from './runner-port.ts';

let tracing: WorkerTracing | null = null;

/** Has this runner traced: spans of its runs go to the executor, which exports them. */
export async function openRunSpans(port: Pick<RunnerPort, 'post'>): Promise<void> {
  tracing = await startWorkerTracing((runId, spans) => port.post({ kind: 'spans', runId, spans }));
}

/** Hands over what a run has left, right before its end is told. */
export function flushRunSpans(runId: string): void {
  tracing?.flush(runId);
}
