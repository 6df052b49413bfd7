/** How long one task took. */
export interface TaskTime {
  readonly kind: string;
  readonly taskId: string;
  readonly seconds: number;
  /** Its time, without faults that it lived through, over the undisturbed median of its kind. */
  readonly factor: number;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A kind's undisturbed time counts as at least this, in milliseconds: of a shorter one a single lease time would be a large factor. */
const LEAST_MS = 2_000;

/** Times of tasks, and of the faults beside them. All times are readings of one monotonic clock. */
export class TaskTimes {
  readonly #tasks: (Span & { readonly kind: string; readonly taskId: string; readonly isQuiet: boolean })[] = [];
  readonly #faults: (Span & { readonly excused: ReadonlySet<string> })[] = [];
  #isQuiet = true;

  /** Tasks that ended. */
  get count(): number {
    return this.#tasks.length;
  }

  note(kind: string, taskId: string, fromMs: number, toMs: number): void {
    this.#tasks.push({ kind, taskId, fromMs, toMs, isQuiet: this.#isQuiet });
  }

  /** From now on there are faults. */
  endQuiet(): void {
    this.#isQuiet = false;
  }

  /** @param excused tasks that the fault was about: their times don't count. */
  noteFault(fromMs: number, toMs: number, excused: readonly string[]): void {
    this.#faults.push({ fromMs, toMs, excused: new Set(excused) });
  }

  /** The slowest tasks beside faults, by factor. */
  slowest(count: number): readonly TaskTime[] {
    const medians = new Map(
      [...Map.groupBy(this.#tasks, (one) => one.kind)].map(([kind, all]) => [kind, undisturbedMs(all)]),
    );
    return this.#tasks
      .filter((one) => !one.isQuiet && !this.#faults.some((fault) => fault.excused.has(one.taskId)))
      .map((one) => {
        const lived = this.#faults.reduce((sum, fault) => sum + overlapMs(one, fault), 0);
        const factor = (one.toMs - one.fromMs - lived) / (medians.get(one.kind) ?? LEAST_MS);
        const seconds = Math.round((one.toMs - one.fromMs) / 100) / 10;
        return { kind: one.kind, taskId: one.taskId, seconds, factor: Math.round(factor * 10) / 10 };
      })
      .toSorted((a, b) => b.factor - a.factor)
      .slice(0, count);
  }
}

function undisturbedMs(tasks: readonly (Span & { readonly isQuiet: boolean })[]): number {
  const quiet = tasks.filter((one) => one.isQuiet).map((one) => one.toMs - one.fromMs);
  return Math.max(LEAST_MS, quiet.toSorted((a, b) => a - b)[Math.floor(quiet.length / 2)] ?? 0);
}

function overlapMs(a: Span, b: Span): number {
  return Math.max(0, Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs));
}
