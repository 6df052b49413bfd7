import { setTimeout as wait } from 'node:timers/promises';
import { isRowLocked } from './lock-patience.ts';

/** Longest wait for a lock within one try, in milliseconds. Our own transactions hold rows for a few. */
export const LOOK_LOCK_MS = 100;

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 500;

/**
 * Makes a holder's write, and again after a pause as long as somebody else has locked a row that it needs. Between the tries it has no session: a row
 * that stays locked keeps waiting only who needs it. It ends when the row is free, or with another holder's claim.
 *
 * @param write answers null, or fails with Postgres's error 55P03, when a row is locked. It has written nothing then.
 */
export async function untilUnlocked<T>(write: () => Promise<T | null>): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      const answer = await write();
      if (answer !== null) return answer;
    } catch (thrown) {
      if (!isRowLocked(thrown)) throw thrown;
    }
    // A process that ends doesn't wait for it.
    await wait(pauseMs, undefined, { ref: false });
  }
}

/** What came of a write that passes over rows which others have locked. */
export interface PassingWrite {
  readonly is_written: boolean;
  /** Whether the caller still was the subtask's holder: then the row is locked. */
  readonly is_own: boolean;
}

/** @returns whether it was written; null: the row is locked. */
export function writtenOr({ is_written: isWritten, is_own: isOwn }: PassingWrite): boolean | null {
  if (isWritten) return true;
  return isOwn ? null : false;
}
