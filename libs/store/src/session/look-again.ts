import { setTimeout as wait } from 'node:timers/promises';
import { LongshoreError } from '@longshore/core';
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

/** Tries of a request: some 2 s with the pauses between them. Counted, so that a busy machine gives up no earlier. */
const MOST_TRIES = 9;

/**
 * Makes what somebody asked for, and tries for some 2 s while somebody else has locked a row that it needs. Between the tries it has no session:
 * requests that wait for one row, however many, must not keep the others of their process from the store.
 *
 * @param what names what is locked, for the message.
 * @param write makes it in a transaction whose longest wait for a lock is {@link LOOK_LOCK_MS}.
 * @throws {LongshoreError} ROW_LOCKED: nothing was changed; what `write` throws otherwise.
 */
export async function unlessLocked<T>(what: string, write: () => Promise<T>): Promise<T> {
  for (let tries = 1, pauseMs = FIRST_PAUSE_MS; ; tries += 1, pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await write();
    } catch (thrown) {
      if (!isRowLocked(thrown)) throw thrown;
      if (tries === MOST_TRIES) {
        const message = `nothing was changed: another session has locked ${what} in the store; ask again`;
        throw new LongshoreError('ROW_LOCKED', message, { cause: thrown });
      }
    }
    await wait(pauseMs);
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
