/** Tracing in a worker thread: spans of its runs, handed to its process for export. */
export interface WorkerTracing {
  /** Hands over the ended spans of a run. */
  flush(runId: string): void;
}
