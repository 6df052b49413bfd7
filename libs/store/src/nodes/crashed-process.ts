import { sql } from 'kysely';
import type { NodeIdentity } from '../claims/holder.ts';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/**
 * Notes that the process of a node has crashed while it was at work: what it had started is suspected, once its rows are freed. The node
 * itself stays as it is until its lease runs out or its next process registers. A process that registered meanwhile changes nothing.
 */
export async function markCrashed(db: Db, node: NodeIdentity): Promise<void> {
  await fromStore(
    sql`
      UPDATE nodes SET crashed_epoch = greatest(crashed_epoch, ${node.epoch}::bigint)
      WHERE id = ${node.id} AND epoch >= ${node.epoch} AND (epoch > ${node.epoch} OR state IN ('live', 'dead'))`.execute(
      db,
    ),
  );
}
