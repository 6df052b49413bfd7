import { LongshoreError } from '@longshore/core';

/** SQLSTATE protocol_violation: a pooler's answer to a start-up parameter that it doesn't know. */
const PROTOCOL_VIOLATION = '08P01';

/** Whether a pooler refuses the settings that our sessions start with. Its SQLSTATE is of a class that otherwise passes by itself. */
export function areSettingsRefused(error: Error): boolean {
  return (error as { code?: unknown }).code === PROTOCOL_VIOLATION && error.message.includes('startup parameter');
}

/** @param what which settings, or the pooler's own words. */
export function droppedSettings(what: string, cause?: unknown): LongshoreError {
  return new LongshoreError(
    'STORE_POOLED',
    `a pooler between Longshore and Postgres drops settings that sessions start with (${what}); connect to Postgres itself, or set them for the role`,
    { cause },
  );
}

export function sessionsGivenAway(): LongshoreError {
  return new LongshoreError(
    'STORE_POOLED',
    'a pooler between Longshore and Postgres gives sessions away after each transaction; let it pool sessions (pool_mode = session), or connect to Postgres itself',
  );
}
