import { sql, type Kysely } from 'kysely';

/** The advisory lock of whoever gives epochs to nodes or removes them. */
export const NODE_EPOCHS_LOCK = sql.lit(7_305_178_219);

/**
 * Nodes that are gone leave the table. Their epochs don't come again: a name that has no row begins above every epoch that was ever removed,
 * which a sequence keeps. Triggers see to that, so the services of the version before go on beside it, and a row that a person deletes counts too.
 * Those that are left are found by an index of their own, however many are gone.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const run = async (statement: ReturnType<typeof sql>): Promise<void> => {
    await statement.execute(db);
  };
  await run(sql`CREATE SEQUENCE longshore.node_epochs OWNED BY longshore.nodes.epoch`);
  // A registration waits for a removal under way and reads the sequence after it: otherwise it would begin with an epoch that is just being removed.
  await run(sql`
CREATE FUNCTION longshore.begin_node_epoch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = longshore, pg_temp AS $function$
DECLARE
  removed bigint;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(${NODE_EPOCHS_LOCK});
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO removed FROM node_epochs;
  NEW.epoch := greatest(NEW.epoch, removed + 1);
  RETURN NEW;
END $function$`);
  await run(sql`
CREATE FUNCTION longshore.end_node_epoch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = longshore, pg_temp AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock(${NODE_EPOCHS_LOCK});
  PERFORM setval('node_epochs', OLD.epoch) FROM node_epochs WHERE NOT is_called OR last_value < OLD.epoch;
  RETURN OLD;
END $function$`);
  await run(
    sql`CREATE TRIGGER begin_epoch BEFORE INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION longshore.begin_node_epoch()`,
  );
  await run(
    sql`CREATE TRIGGER end_epoch BEFORE DELETE ON nodes FOR EACH ROW EXECUTE FUNCTION longshore.end_node_epoch()`,
  );
  // Over columns that a renewal doesn't change, so that it stays as cheap as it was.
  await run(sql`CREATE INDEX nodes_present ON nodes (id) WHERE state IN ('live', 'draining')`);
  // What names a node besides the work that is pending or running there, which have an index each.
  await run(sql`CREATE INDEX subtasks_resting ON subtasks (exec_id)
    WHERE kind <> 'work' OR state NOT IN ('pending', 'running')`);
}
