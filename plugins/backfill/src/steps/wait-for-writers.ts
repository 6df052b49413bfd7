import { SubtaskPostponed, type SubtaskContext } from '@longshore/sdk';
import { z } from 'zod';
import type { BackfillTuning } from '../meta/tuning.ts';
import type { BackfillTarget } from '../table/backfill-target.ts';
import { settleWriters, type OpenWriter } from '../table/open-writers.ts';

/** How long after a long wait it is looked again, in milliseconds: who is waited for after 5 s may well be so for minutes. */
const POSTPONE_MS = 10_000;

/** The checkpoint of a range that gave its slot back while it waited for writers. */
const longWait = z.object({
  /** Where the range stood: the last key that was passed. */
  after: z.string().nullable(),
  /** Where it was about to go. */
  upTo: z.string(),
  /** The transactions that are waited for; a new attempt waits for no others, or on a busy table there would be no end. */
  transactions: z.array(z.string()),
});

export type LongWait = z.output<typeof longWait>;

/** The wait in which an attempt before this one gave its slot back, if that was here. @param after where the range stands now. */
export function readLongWait(
  { checkpoint }: Pick<SubtaskContext, 'checkpoint'>,
  after: string | null,
): LongWait | null {
  const { data } = longWait.safeParse(checkpoint);
  return data === undefined || data.after !== after ? null : data;
}

/** A piece of a range that is about to be changed. */
export interface NextPiece {
  readonly after: string | null;
  readonly upTo: string;
  /** When its end was read, in seconds since 1970 by the target's clock; null: just now. */
  readonly startedBefore: number | null;
}

/**
 * Waits until no row can come to light any more in a piece whose end was read. Shows for whom.
 *
 * @throws {SubtaskPostponed} when they take long: the slot is given back meanwhile.
 */
export async function waitForWriters<Meta extends BackfillTuning, Settings>(
  context: SubtaskContext<Meta, Settings>,
  target: BackfillTarget,
  { after, upTo, startedBefore }: NextPiece,
): Promise<void> {
  const { task, signal } = context;
  let endWaiting: (() => void) | null = null;
  const reasonOf = (writers: readonly OpenWriter[]) => ({
    code: 'WRITERS_OPEN',
    message: describeWriters(target.table, writers),
  });
  try {
    await settleWriters(context.connection(task.meta.connection), target, {
      waitedFor: readLongWait(context, after)?.transactions ?? null,
      startedBefore,
      ownPrefix: `ls/${task.id}/`,
      signal,
      onWaiting: (writers) => {
        endWaiting?.();
        endWaiting = context.waiting(reasonOf(writers));
      },
      onLong: async (writers) => {
        const transactions = writers.map(({ transaction }) => transaction);
        await context.saveCheckpoint({ after, upTo, transactions } satisfies LongWait);
        throw new SubtaskPostponed(reasonOf(writers), POSTPONE_MS);
      },
    });
  } finally {
    // The analyser doesn't follow assignments in callbacks.
    (endWaiting as (() => void) | null)?.();
  }
}

function describeWriters(table: string, writers: readonly OpenWriter[]): string {
  const names = writers
    .slice(0, 3)
    .map(({ pid, application }) =>
      pid === null ? 'a prepared transaction' : `process ${pid}${application === '' ? '' : ` (${application})`}`,
    );
  const more = writers.length > names.length ? ` and ${writers.length - names.length} more` : '';
  return `earlier transactions that write to ${table}: ${names.join(', ')}${more}`;
}
