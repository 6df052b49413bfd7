import { sql, type RawBuilder } from 'kysely';

/** What a row of `subtasks` waits for, as things are: when the time of a retry has come, what it waits for is a node. */
export const waitingNow: RawBuilder<unknown> = sql`
  CASE WHEN state = 'pending' AND waiting->>'code' = 'RETRY' AND not_before <= clock_timestamp()
  THEN json_build_object('code', 'RETRY', 'since', waiting->>'since', 'message',
    regexp_replace(waiting->>'message', '; tried again at \\S+$', '; tried again as soon as a node takes it'))
  ELSE waiting END`;
