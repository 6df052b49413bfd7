/** What a soak came to. The names are those of `--json`. */
export interface SoakFigures {
  readonly minutes: number;
  /** Tasks that ended. */
  readonly tasks: number;
  /** Tasks that failed, or whose result was not exact. None of them did anything wrong, so each is one of ours. */
  readonly failed_wellbehaved: number;
  /** Tasks of a rude plugin that ended. They don't count as `tasks`. */
  readonly rude_tasks: number;
  /** Requests that mean harm, sent beside all others. */
  readonly hostile_requests: number;
  /** Rude tasks and hostile requests that came to another end or answer than the documented one. */
  readonly wrong_refusals: number;
  /** Tasks of which for more than ten seconds nothing ran and that gave no reason. */
  readonly waiting_without_reason: number;
  /** The slowest task's time over the undisturbed median of its kind, faults that it lived through not counted. */
  readonly slowest_factor: number;
  /** Memory of all services at the end less that after warming up, in MB. */
  readonly rss_growth_mb: number;
  /** Faults that were held. */
  readonly faults: number;
}

/** The bounds that a soak holds, as the documentation promises them. */
export const BOUNDS = {
  /**
   * A task may take so many times its undisturbed time. After a fault the cluster needs up to 10 s to recover, and a task that takes two
   * seconds may live through two.
   */
  slowest_factor: 20,
  /** In MB, over all services of the soak's cluster. */
  rss_growth_mb: 100,
} as const;

/** What doesn't hold, one line each. Empty: everything holds. */
export function brokenPromises(figures: SoakFigures): readonly string[] {
  const broken: string[] = [];
  if (figures.tasks === 0) broken.push('no task ended');
  if (figures.failed_wellbehaved > 0) broken.push(`${figures.failed_wellbehaved} tasks failed`);
  if (figures.wrong_refusals > 0) {
    broken.push(`${figures.wrong_refusals} rude tasks or hostile requests had another end than the documented one`);
  }
  if (figures.waiting_without_reason > 0) {
    broken.push(`${figures.waiting_without_reason} tasks waited without a reason`);
  }
  for (const name of ['slowest_factor', 'rss_growth_mb'] as const) {
    if (figures[name] > BOUNDS[name]) broken.push(`${name} is ${figures[name]}, above ${BOUNDS[name]}`);
  }
  return broken;
}
