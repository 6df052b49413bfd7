import type { AttemptProgress } from '@longshore/store';
import type { Run } from '../running/run.ts';

/** How far a run is, as it is stored. @param at by the monotonic clock, in milliseconds. */
export function attemptProgressOf(run: Run, at: number): AttemptProgress {
  const { claimed, attempt, rows, bytes, kept, phase, summary } = run;
  return { id: claimed.id, attempt, rows, bytes, kept, phase, summary, waiting: waitingOf(run, at) };
}

/** What a run waits for: its budget and gates come before what its hook says. A hook that shows nothing for long is told apart. */
function waitingOf({ throttled, waiting, isSilent, aliveAt, claimed }: Run, at: number): AttemptProgress['waiting'] {
  if (throttled !== null) return { code: throttled.code, message: throttled.message, forMs: at - throttled.since };
  if (waiting !== null || !isSilent) return waiting;
  return { code: 'NO_PROGRESS', message: `${claimed.kind} makes no progress; ${wayOut(claimed)}`, forMs: at - aliveAt };
}

/** How a person ends a hook that hangs. */
function wayOut({ kind, taskId }: Run['claimed']): string {
  const rest = 'it is stopped and tried again when it hangs for longer';
  if (kind === 'revert') return `longshore task cancel ${taskId} --force leaves it out, or ${rest}`;
  if (kind === 'clean') return `longshore task end-clean-up ${taskId} leaves it out, or ${rest}`;
  return `longshore task cancel ${taskId} ends it, or ${rest}`;
}
