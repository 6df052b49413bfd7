import type { Benchmark } from './benchmark.ts';
import { importBenchmark } from './import/import-benchmark.ts';

/** All benchmarks, by the names that `npm run bench` takes. */
export const BENCHMARKS: readonly Benchmark[] = [importBenchmark];
