import { hasCode } from '@longshore/core';

/** How long to wait for a row that somebody else has locked, in milliseconds. Our own transactions hold rows for a few. */
const PATIENT_MS = 500;
/** The same once a wait was in vain: whoever holds one row for so long may well hold others. */
const HURRIED_MS = 20;

/**
 * How long the writes of one round wait for rows that others have locked: once with patience, and from then on hardly. So a session that
 * has locked a thousand rows delays the rest of a round by little more than one that has locked a single row.
 */
export class LockPatience {
  readonly #patientMs: number;
  #isSpent = false;

  /** @param patientMs how long it waits until one wait was in vain, in milliseconds. Default 500. */
  constructor(patientMs = PATIENT_MS) {
    this.#patientMs = patientMs;
  }

  /** Longest wait for a lock from now on, in milliseconds. */
  get ms(): number {
    return this.#isSpent ? HURRIED_MS : this.#patientMs;
  }

  /** A wait was in vain. */
  spend(): void {
    this.#isSpent = true;
  }

  /** Another round begins. */
  renew(): void {
    this.#isSpent = false;
  }
}

/** SQLSTATE lock_not_available: `lock_timeout` has passed, or `NOWAIT` found the row locked. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Whether a statement was given up because somebody else has locked what it needs. */
export function isRowLocked(thrown: unknown): boolean {
  return (thrown as { readonly code?: unknown } | null)?.code === LOCK_NOT_AVAILABLE;
}

/** Something that could not be written now, and why. */
export interface LeftOut<T> {
  readonly item: T;
  readonly error: unknown;
}

/**
 * Writes items one after the other, each in transactions of its own, so that one that can't be written delays no other. Each wait for a
 * lock is as long as the patience says.
 *
 * @param write writes one item.
 * @returns what could not be written: the caller looks at it again later.
 * @throws {LongshoreError} LEADER_LOST, STORE_UNAVAILABLE: none of the others could be written either.
 */
export async function eachOnItsOwn<T>(
  items: Iterable<T>,
  patience: LockPatience,
  write: (item: T) => Promise<unknown>,
): Promise<readonly LeftOut<T>[]> {
  const leftOut: LeftOut<T>[] = [];
  for (const item of items) {
    try {
      await write(item);
    } catch (error) {
      if (hasCode(error, 'LEADER_LOST') || hasCode(error, 'STORE_UNAVAILABLE')) throw error;
      if (isRowLocked(error)) patience.spend();
      leftOut.push({ item, error });
    }
  }
  return leftOut;
}
