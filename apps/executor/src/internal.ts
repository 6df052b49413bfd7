/** What only benchmarks of this repository need. */
export { AttemptSpans } from './hosting/attempt-spans.ts';
export { ExecutorMetrics } from './node/executor-metrics.ts';
