import { openTargetLedgers } from '@longshore/effects';
import { findForgottenTasks, type Db } from '@longshore/store';

/** Tasks that are looked at together. */
const PAGE = 1_000;

/**
 * Removes from a target what forgotten tasks have left there. Every executor may do it at any time: the rows of a task that the store still
 * knows are never touched.
 *
 * @param url the target.
 * @returns how many tasks were cleaned up after.
 */
export async function cleanLedgers(db: Db, clusterId: string, url: string): Promise<number> {
  const ledgers = openTargetLedgers(url);
  let cleaned = 0;
  try {
    for (let after = '0'; ;) {
      const ids = await ledgers.tasks(clusterId, after, PAGE);
      const last = ids.at(-1);
      if (last === undefined) return cleaned;
      const forgotten = await findForgottenTasks(db, ids);
      if (forgotten.length > 0) await ledgers.forget(clusterId, forgotten);
      cleaned += forgotten.length;
      after = last;
    }
  } finally {
    await ledgers.close();
  }
}
