import { LongshoreError } from '@longshore/core';
import { storeError } from './open-store.ts';
import { areSettingsRefused, droppedSettings } from './pooled-sessions.ts';

/** SQLSTATEs of a connection that Postgres refuses: wrong password, not allowed, no such database. */
const REFUSED: ReadonlySet<unknown> = new Set(['28P01', '28000', '3D000']);

/**
 * A connection that is refused, as an error that says what to do; others as `storeError` has them. Only for the first connection of a
 * process: later a refused login is a rotation under way, and is waited out.
 */
export function storeRefusal(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  if (areSettingsRefused(thrown)) return droppedSettings(thrown.message, thrown);
  if (!REFUSED.has((thrown as { code?: unknown }).code)) return storeError(thrown);
  return new LongshoreError(
    'STORE_REFUSED',
    `Postgres refuses the connection: ${thrown.message}; check --database-url or LONGSHORE_DATABASE_URL`,
    { cause: thrown },
  );
}
