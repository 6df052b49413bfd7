/** How long a target may be away before its task is paused, in milliseconds: a restart or a failover is over by then, and a person should look. */
export const TARGET_AWAY_LIMIT_MS = 3_600_000;

/** The first wait, in milliseconds: a restart of Postgres takes a second or two. */
const FIRST_WAIT_MS = 1_000;
/** The longest wait, in milliseconds: work goes on within this time after the target is back. */
const LONGEST_WAIT_MS = 30_000;
/** Each wait is this share of the time that the target has been away for, so that short outages are over soon and long ones cost little. */
const WAIT_SHARE = 0.5;
/** Share of the wait that is drawn at random, so that a thousand subtasks don't come back at once. */
const JITTER = 0.2;
/** An attempt that worked for so long, in milliseconds, had its target: what it lost is the start of a new outage. */
const NEW_OUTAGE_MS = 60_000;

/** How a subtask waits whose target can't be reached. */
export interface TargetWait {
  /** For how long the target has been away, in milliseconds. */
  readonly awayForMs: number;
  /** When to look again, in milliseconds from now. */
  readonly afterMs: number;
  /** Whether it has been away for longer than {@link TARGET_AWAY_LIMIT_MS}. */
  readonly isOverLimit: boolean;
}

/**
 * How long a subtask waits for a target that can't be reached. It is no failure.
 *
 * @param awayForMs for how long the target had been away when this attempt was claimed, in milliseconds; null: it had not.
 * @param ranMs for how long the attempt ran, in milliseconds.
 * @param random a number in [0, 1), drawn by the caller.
 */
export function waitForTarget(awayForMs: number | null, ranMs: number, random: number): TargetWait {
  const isNew = awayForMs === null || ranMs >= NEW_OUTAGE_MS;
  const away = isNew ? 0 : awayForMs + ranMs;
  const wait = Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, away * WAIT_SHARE));
  return {
    awayForMs: Math.round(away),
    afterMs: Math.round(wait * (1 - JITTER + JITTER * random)),
    isOverLimit: away > TARGET_AWAY_LIMIT_MS,
  };
}
