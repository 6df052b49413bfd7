import { sql, type Kysely } from 'kysely';
import { REFUSE_OTHER_CONTENT, submitTask, type MoreOptions } from './0005-submit-function.ts';
import { SUBMIT_EVENT } from './0008-principal.ts';

/**
 * A key has runs, numbered from 1: `task_keys` has the newest one, `earlier_runs` those before it. A run has the id of the submit that started
 * it. Only adds, so the services of the version before go on beside it: for them a key is its newest run, and what they submit is run 1.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE task_keys ADD COLUMN run integer NOT NULL DEFAULT 1, ADD COLUMN submit_id text`.execute(db);
  await sql`CREATE UNIQUE INDEX task_keys_submit ON task_keys (submit_id) WHERE submit_id IS NOT NULL`.execute(db);
  await sql`CREATE TABLE earlier_runs (
    task_id bigint PRIMARY KEY, key text NOT NULL, run integer NOT NULL, content_hash text NOT NULL, submit_id text)`.execute(
    db,
  );
  await sql`CREATE INDEX earlier_runs_key ON earlier_runs (key, run)`.execute(db);
  await sql`CREATE UNIQUE INDEX earlier_runs_submit ON earlier_runs (submit_id) WHERE submit_id IS NOT NULL`.execute(
    db,
  );
  await submitTask({
    create: sql`CREATE OR REPLACE FUNCTION`,
    more: CALL_OPTIONS,
    takeKey: TAKE_KEY,
    event: SUBMIT_EVENT,
  }).execute(db);
}

const CALL_OPTIONS: MoreOptions = {
  options: ['again', 'submitId'],
  variables: sql`
  call_id text;
  again boolean;
  found_key text;`,
  checks: sql`
  IF asked ? 'again' AND jsonb_typeof(asked->'again') <> 'boolean' THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: options.again: expected true or false'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'true starts the next run of a key whose newest run has ended.';
  END IF;
  IF asked ? 'submitId' AND (jsonb_typeof(asked->'submitId') <> 'string' OR length(asked->>'submitId') NOT BETWEEN 1 AND 64) THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: options.submitId: expected a text of 1 to 64 characters'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out if the call is never made again.';
  END IF;
  call_id := asked->>'submitId';
  again := coalesce((asked->>'again')::boolean, false);`,
  defaultKey: sql`call_id, gen_random_uuid()::text`,
};

/**
 * As `submitTask` of the services does it. Whoever starts a next run has the key's row; what it decides on is read by the statements after
 * that, so that of two calls the second sees the run of the first.
 */
const TAKE_KEY = sql`INSERT INTO task_keys (key, task_id, content_hash, run, submit_id)
    SELECT task_key, nextval(pg_get_serial_sequence('longshore.tasks', 'id')), hash,
      1 + coalesce((SELECT max(e.run) FROM earlier_runs e WHERE e.key = task_key), 0), call_id
    WHERE NOT EXISTS (SELECT 1 FROM earlier_runs e WHERE e.submit_id = call_id)
    ON CONFLICT DO NOTHING RETURNING task_id INTO new_id;
    EXIT WHEN new_id IS NOT NULL;
    IF again THEN
      PERFORM 1 FROM task_keys k WHERE k.key = task_key FOR UPDATE;
    END IF;
    SELECT r.task_id, r.content_hash, r.key INTO found_id, found_hash, found_key FROM (
      SELECT k.task_id, k.content_hash, k.key FROM task_keys k WHERE k.submit_id = call_id
      UNION ALL SELECT e.task_id, e.content_hash, e.key FROM earlier_runs e WHERE e.submit_id = call_id) r;
    IF found_key <> task_key THEN
      RAISE EXCEPTION 'ARGUMENT_INVALID: options.submitId: % started task %, under the key %', to_json(call_id), found_id, to_json(found_key)
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Each call needs an id of its own, which only its repetitions share.';
    END IF;
    IF found_hash = hash THEN
      RETURN found_id;
    END IF;
    IF found_id IS NULL THEN
      SELECT k.task_id, k.content_hash INTO found_id, found_hash FROM task_keys k WHERE k.key = task_key;
    END IF;
    IF found_hash <> hash THEN
      ${REFUSE_OTHER_CONTENT}
    END IF;
    IF found_id IS NOT NULL AND NOT (again AND NOT EXISTS (
      SELECT 1 FROM tasks t WHERE t.id = found_id AND t.state NOT IN ('succeed', 'failed', 'reverted'))) THEN
      RETURN found_id;
    END IF;
    IF found_id IS NOT NULL THEN
      INSERT INTO earlier_runs (task_id, key, run, content_hash, submit_id)
      SELECT k.task_id, k.key, k.run, k.content_hash, k.submit_id FROM task_keys k WHERE k.key = task_key;
      UPDATE task_keys k SET task_id = nextval(pg_get_serial_sequence('longshore.tasks', 'id')), run = k.run + 1, submit_id = call_id
      WHERE k.key = task_key RETURNING k.task_id INTO new_id;
      EXIT;
    END IF;`;
