import { sql, type Kysely, type RawBuilder } from 'kysely';

/**
 * Submitting within a transaction of the caller's own: a function that writes the task with it. What a request needs a task type
 * for is left to the owner, which finds the options in `submitted`. Only adds, so the services of the version before go on beside it; an
 * owner of that version finds no type of such a task and refuses it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE tasks ADD COLUMN submitted json`.execute(db);
  await submitTask({
    create: sql`CREATE FUNCTION`,
    takeKey: ONE_TASK_A_KEY,
    event: sql`INSERT INTO task_events (task_id, seq, actor, kind, to_state)
  VALUES (new_id, 1, 'sql ' || session_user, 'submit', 'pending')`,
  }).execute(db);
  // It writes with the rights of whoever migrated: nobody calls it who was not allowed to.
  await sql`REVOKE ALL ON FUNCTION longshore.submit_task(text, jsonb, jsonb) FROM PUBLIC`.execute(db);
}

/** What a later migration adds to the function: options that say how to submit, and are no content of the task. */
export interface MoreOptions {
  readonly options: readonly string[];
  readonly variables: RawBuilder<unknown>;
  readonly checks: RawBuilder<unknown>;
  /** The key of a request without one. */
  readonly defaultKey: RawBuilder<unknown>;
}

export interface SubmitFunction {
  /** How it begins: made, or made anew by a later migration. */
  readonly create: RawBuilder<unknown>;
  readonly more?: MoreOptions;
  /** One try to take the key: leaves the loop with `new_id`, returns the task that has the key, or falls through to the next try. */
  readonly takeKey: RawBuilder<unknown>;
  /** Inserts the task's first event. */
  readonly event: RawBuilder<unknown>;
}

const NOTHING_MORE: MoreOptions = {
  options: [],
  variables: sql``,
  checks: sql``,
  defaultKey: sql`gen_random_uuid()::text`,
};

/** Refuses a key that belongs to a task with other content. */
export const REFUSE_OTHER_CONTENT = sql`RAISE EXCEPTION 'TASK_KEY_TAKEN: key % belongs to task %, which was submitted with other content', to_json(task_key), found_id
        USING ERRCODE = 'unique_violation', HINT = format('Choose another key, or see: longshore task show %s', found_id);`;

/** A key is one task, for as long as that is kept. */
export const ONE_TASK_A_KEY = sql`INSERT INTO task_keys (key, task_id, content_hash)
    VALUES (task_key, nextval(pg_get_serial_sequence('longshore.tasks', 'id')), hash)
    ON CONFLICT (key) DO NOTHING RETURNING task_id INTO new_id;
    EXIT WHEN new_id IS NOT NULL;
    SELECT k.task_id, k.content_hash INTO found_id, found_hash FROM task_keys k WHERE k.key = task_key;
    IF found_hash = hash THEN
      RETURN found_id;
    END IF;
    IF found_id IS NOT NULL THEN
      ${REFUSE_OTHER_CONTENT}
    END IF;`;

/**
 * Checks what can be checked without a task type, and what must never be stored. Errors begin with a code of the framework's.
 *
 * - Its search path is set: a table or operator of the caller's can't be put in the place of ours.
 * - The key's row is inserted first: a second call waits for the first one's transaction and then finds it. It is looked for again if it was
 *   removed with its old task meanwhile.
 * - The hash is over jsonb, where neither spaces nor the order of names count. The API hashes the request's text, so a key is used through
 *   one of the two ways only.
 * - NOTIFY is delivered at commit, and not at all after a rollback. It makes commits wait for each other, which is why only this
 *   function uses it.
 */
export function submitTask({ create, more = NOTHING_MORE, takeKey, event }: SubmitFunction): RawBuilder<unknown> {
  const apart = sql.raw(['key', 'trace', ...more.options].join());
  const names = sql.raw(more.options.map((name) => `, '${name}'`).join(''));
  return sql`
${create} longshore.submit_task(type text, meta jsonb, options jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = longshore, pg_temp AS $function$
DECLARE
  known CONSTANT text[] := ARRAY['key', 'typeVersion', 'priority', 'slots', 'slotsPerSubtask', 'maxNodes', 'runtimeSlots', 'scope',
    'selectors', 'onFailure', 'retry', 'subtaskTimeoutMs', 'stallTimeoutMs', 'deadlineMs', 'throttle', 'gates', 'trace'${names}];
  max_meta_bytes CONSTANT int := 262144;
  max_options_bytes CONSTANT int := 65536;
  asked jsonb := jsonb_strip_nulls(coalesce(submit_task.options, '{}'));
  strangers text;
  bytes bigint;
  task_key text;
  hash text;
  found_id bigint;
  found_hash text;
  new_id bigint;${more.variables}
BEGIN
  IF submit_task.type IS NULL OR length(submit_task.type) NOT BETWEEN 1 AND 64 THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: type: expected the name of a task type, 1 to 64 characters'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'See: longshore type list';
  END IF;
  IF submit_task.meta IS NULL OR jsonb_typeof(submit_task.meta) <> 'object' THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: meta: expected a JSON object'
      USING ERRCODE = 'invalid_parameter_value', HINT = format('See: longshore type show %s', submit_task.type);
  END IF;
  IF jsonb_typeof(asked) <> 'object' THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: options: expected a JSON object'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out, or pass an object such as {"key": "orders-2026-11-23"}.';
  END IF;

  SELECT string_agg(to_json(o.name)::text, ', ' ORDER BY o.name) INTO strangers
  FROM jsonb_object_keys(asked) AS o(name) WHERE o.name <> ALL (known);
  IF strangers IS NOT NULL THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: options: unknown name %', strangers
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Options are %s.', array_to_string(known, ', '));
  END IF;
  IF asked ? 'key' AND (jsonb_typeof(asked->'key') <> 'string' OR length(asked->>'key') NOT BETWEEN 1 AND 256) THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: options.key: expected a text of 1 to 256 characters'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out for a task that is not looked for by key.';
  END IF;${more.checks}
  IF asked ? 'trace' AND coalesce(asked->'trace'->>'traceparent', '') !~ '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$' THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: options.trace: expected a W3C trace context: an object with traceparent'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out: the task then gets a trace of its own.';
  END IF;
  bytes := octet_length(asked::text);
  IF bytes > max_options_bytes THEN
    RAISE EXCEPTION 'ARGUMENT_INVALID: options: % bytes of JSON, at most % are taken', bytes, max_options_bytes
      USING ERRCODE = 'program_limit_exceeded', HINT = 'What the task works on belongs into its meta.';
  END IF;
  bytes := octet_length(submit_task.meta::text);
  IF bytes BETWEEN max_meta_bytes + 1 AND 2 * max_meta_bytes THEN
    -- jsonb is written with a space after each comma and colon, which the limit doesn't count.
    SELECT bytes - coalesce(sum(CASE jsonb_typeof(part)
      WHEN 'object' THEN greatest(2 * (SELECT count(*) FROM jsonb_object_keys(part)) - 1, 0)
      WHEN 'array' THEN greatest(jsonb_array_length(part) - 1, 0) ELSE 0 END), 0)
    INTO bytes FROM jsonb_path_query(submit_task.meta, 'strict $.**') AS part;
  END IF;
  IF bytes > max_meta_bytes THEN
    RAISE EXCEPTION 'META_TOO_LARGE: the meta has % bytes of JSON, at most % are taken', bytes, max_meta_bytes
      USING ERRCODE = 'program_limit_exceeded', HINT = 'Put the data elsewhere and name it in the meta.';
  END IF;

  task_key := coalesce(asked->>'key', ${more.defaultKey});
  hash := 'sql:' || encode(sha256(convert_to(
    jsonb_build_array(submit_task.type, submit_task.meta, asked - '{${apart}}'::text[])::text, 'UTF8')), 'hex');
  LOOP
    ${takeKey}
  END LOOP;

  INSERT INTO tasks (id, key, type, type_version, state, priority, scope, slots, slots_per_subtask, on_failure, meta, retry, trace,
    submitted, is_validated, event_seq)
  OVERRIDING SYSTEM VALUE
  VALUES (new_id, task_key, submit_task.type, '', 'pending', 512, '', 1, 1, 'revert', submit_task.meta::json, '{}',
    CASE WHEN asked ? 'trace' THEN json_strip_nulls(json_build_object(
      'traceparent', asked->'trace'->>'traceparent', 'tracestate', nullif(asked->'trace'->>'tracestate', ''))) END,
    (asked - '{${apart}}'::text[])::json, false, 1);
  ${event};
  PERFORM pg_notify('longshore_submit', new_id::text);
  RETURN new_id;
END
$function$`;
}
