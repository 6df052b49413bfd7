/** The door for worker threads, which shouldn't load a logger and what else a service needs. */
export { withinAttempt } from './worker/run-context.ts';
export { METRICS } from './metrics/metric-table.ts';
export type { Measurement } from './metrics/measurement.ts';
export { startWorkerTracing } from './worker/start-worker-tracing.ts';
export type { WorkerTracing } from './worker/worker-tracing.ts';
export { ThreadMeter } from './worker/thread-meter.ts';
