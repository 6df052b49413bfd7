import type { SpanData } from '../tracing/span-data.ts';

/** Tracing in a worker thread: spans of its runs, handed to its process for export. */
export interface WorkerTracing {
  /** Hands over the ended spans of a run. */
  flush(runId: string): void;
}

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
