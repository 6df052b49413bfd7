import type { StepExecutor, SubtaskContext } from '@longshore/sdk';
import { lookAtIndex } from '../catalog/look-at-index.ts';
import { workingName } from '../catalog/index-names.ts';
import { readSteadily } from '../catalog/read-steadily.ts';
import { readTree } from '../catalog/table-tree.ts';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import type { IndexVerified } from './index-work.ts';

/** Proves from the catalog that the index is there and valid; a partitioned one is when it is on all partitions of all levels. */
export const verifyStep: StepExecutor<AddIndexMeta> = {
  async runSubtask(context: SubtaskContext<AddIndexMeta>): Promise<IndexVerified> {
    const { meta } = context.task;
    const prepared = preparedOfMeta(meta);
    const { tableOid, table } = prepared;
    return context.connection(meta.connection).read((client) =>
      readSteadily(client, async () => {
        const wanted = { tableOid, working: workingName(prepared, tableOid), parentIndexOid: null };
        const { equal } = await lookAtIndex(client, prepared, wanted);
        const tree = await readTree(client, tableOid);
        if (equal !== null) {
          return { index: equal.qualified, partitions: tree.length - 1 };
        }
        const lacking = await client.query<{ name: string }>(
          `SELECT min(format('%I.%I', n.nspname, c.relname)) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.oid = ANY($1::oid[]) AND NOT EXISTS (
             SELECT FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisvalid
               AND x.indimmediate AND NOT x.indisexclusion AND right(pg_get_indexdef(x.indexrelid), length($2)) = $2)`,
          [tree.map(({ oid }) => oid), prepared.body],
        );
        const message = `The index of ${table} is not valid: ${lacking.rows[0]?.name ?? table} lacks it. Somebody dropped it or changed the table's partitions meanwhile. Submit again; existing indexes are used.`;
        throw addIndexError(AddIndexErrorCode.Incomplete, message, { table });
      }),
    );
  },
};
