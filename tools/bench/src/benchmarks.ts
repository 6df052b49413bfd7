import { addIndexBenchmark } from './add-index/add-index-benchmark.ts';
import { admissionBenchmark } from './admission/admission-benchmark.ts';
import { backfillBenchmark } from './backfill/backfill-benchmark.ts';
import type { Benchmark } from './benchmark.ts';
import { cancelBenchmark } from './cancel/cancel-benchmark.ts';
import { fanoutBenchmark } from './fanout/fanout-benchmark.ts';
import { floorBenchmark } from './floor/floor-benchmark.ts';
import { importBenchmark } from './import/import-benchmark.ts';
import { latencyBenchmark } from './latency/latency-benchmark.ts';
import { subtasksBenchmark } from './subtasks/subtasks-benchmark.ts';
import { tracingBenchmark } from './tracing/tracing-benchmark.ts';

/** All benchmarks, by the names that `npm run bench` takes. */
export const BENCHMARKS: readonly Benchmark[] = [
  importBenchmark,
  addIndexBenchmark,
  backfillBenchmark,
  latencyBenchmark,
  floorBenchmark,
  cancelBenchmark,
  admissionBenchmark,
  subtasksBenchmark,
  fanoutBenchmark,
  tracingBenchmark,
];
