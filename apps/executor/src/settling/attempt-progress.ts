import type { AttemptProgress } from '@longshore/store';
import type { Run } from '../running/run.ts';

/** How far a run is, as it is stored. @param at by the monotonic clock, in milliseconds. */
export function attemptProgressOf(run: Run, at: number): AttemptProgress {
  const { claimed, attempt, rows, bytes, phase, summary } = run;
  return { id: claimed.id, attempt, rows, bytes, phase, summary, waiting: waitingOf(run, at) };
}

/** What a run waits for: its budget and gates come before what its hook says. */
function waitingOf({ throttled, waiting }: Run, at: number): AttemptProgress['waiting'] {
  if (throttled === null) return waiting;
  return { code: throttled.code, message: throttled.message, forMs: at - throttled.since };
}
