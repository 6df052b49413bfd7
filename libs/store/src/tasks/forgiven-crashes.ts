import { sql } from 'kysely';

/**
 * What a failed subtask is suspected of when a person has it tried again: crashes of its own processes are counted anew, and it goes on
 * running alone. In a thread it would end executors again.
 */
export const FORGIVEN_CRASHES = sql`
  CASE WHEN crashes IS NOT NULL THEN
    json_build_object('nodes', crashes->'nodes', 'alone', '[]'::json, 'checkpoint', crashes->'checkpoint') END`;
