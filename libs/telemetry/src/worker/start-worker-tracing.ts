import type { SpanData } from '../tracing/span-data.ts';
import type { WorkerTracing } from './worker-tracing.ts';

/**
 * Registers tracing in this thread, and has `pg` instrumented: call it before anything imports `pg`. The thread exports nothing
 * itself: that would cost it an HTTP client of its own, and its last spans whenever it is ended.
 *
 * @param send hands spans of a run to the process.
 */
export async function startWorkerTracing(
  send: (runId: string, spans: readonly SpanData[]) => void,
): Promise<WorkerTracing> {
  const { openWorkerTracing } = await import('./open-worker-tracing.ts');
  return openWorkerTracing(send);
}
