/** What a benchmark may be told. */
export interface BenchOptions {
  /** Rows or subtasks, where the benchmark has such; null: its full size. */
  readonly rows: number | null;
  /** Times that each side is run; null: the benchmark's own number. */
  readonly rounds: number | null;
  /** Says what is going on; goes to stderr, so that stdout stays readable by programs. */
  readonly say: (line: string) => void;
}

/** A measurement beside peers. Never a verdict: it prints figures, and fails only when something could not be run. */
export interface Benchmark {
  readonly name: string;
  readonly description: string;
  /** Figures by name, as in the documentation; a number that could not be measured is null. */
  run(options: BenchOptions): Promise<Readonly<Record<string, number | null>>>;
}
