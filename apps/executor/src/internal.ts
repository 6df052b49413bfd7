/** What only benchmarks of this repository need. */
export { AttemptSpans } from './attempt-spans.ts';
export { ExecutorMetrics } from './executor-metrics.ts';
