import { storeError } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/** The store's own unique id, made with its schema: what a target's ledger tells clusters apart by. */
export async function readClusterId(db: Db): Promise<string> {
  try {
    return (await db.selectFrom('cluster_identity').select('id').executeTakeFirstOrThrow()).id;
  } catch (thrown) {
    throw storeError(thrown);
  }
}
