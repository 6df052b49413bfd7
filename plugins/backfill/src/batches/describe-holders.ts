import type { LockHolder } from './lock-watch.ts';

/** What a batch waits for, in one line. @param error - of the last try, for when nobody was seen. */
export function describeHolders(table: string, holders: readonly LockHolder[], error: unknown): string {
  if (holders.length === 0) {
    const reason = error instanceof Error ? error.message : String(error);
    return `a batch of ${table} was rolled back and is tried again with fewer rows: ${reason}`;
  }
  const names = holders.map(({ pid, application, began }) => {
    const particulars = [application, began === null ? '' : `its transaction began at ${began}`].filter(Boolean);
    return `process ${pid}${particulars.length === 0 ? '' : ` (${particulars.join('; ')})`}`;
  });
  return `a lock on ${table} or its rows is held by ${names.join(', ')}`;
}
