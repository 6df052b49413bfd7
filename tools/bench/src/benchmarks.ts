import { addIndexBenchmark } from './add-index/add-index-benchmark.ts';
import type { Benchmark } from './benchmark.ts';
import { floorBenchmark } from './floor/floor-benchmark.ts';
import { importBenchmark } from './import/import-benchmark.ts';
import { latencyBenchmark } from './latency/latency-benchmark.ts';

/** All benchmarks, by the names that `npm run bench` takes. */
export const BENCHMARKS: readonly Benchmark[] = [addIndexBenchmark, importBenchmark, latencyBenchmark, floorBenchmark];
