/** A change of a subtask's row, as the database saw it. */
export interface JournalEntry {
  readonly op: 'insert' | 'update' | 'delete' | 'history';
  readonly subtask: string;
  readonly task: string;
  readonly kind: string;
  readonly isIdempotent: boolean;
  readonly attempt: number;
  /** Null: the row is new. */
  readonly from: string | null;
  /** Null: the row has left the table. */
  readonly to: string | null;
  /** The state of its task then; null: it is gone. */
  readonly taskState: string | null;
}

/**
 * Lets the database itself write down each change of a subtask's state: looking at the rows from time to time would miss what lies between,
 * and that is where races are.
 */
export const JOURNAL_SQL = `
  CREATE TABLE model_journal (
    n bigint GENERATED ALWAYS AS IDENTITY, op text, subtask bigint, task bigint, kind text, is_idempotent boolean, attempt int,
    from_state text, to_state text, task_state text);
  CREATE FUNCTION model_note() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    the_row record := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = NEW.state AND OLD.attempt = NEW.attempt THEN RETURN NULL; END IF;
    INSERT INTO model_journal (op, subtask, task, kind, is_idempotent, attempt, from_state, to_state, task_state)
    VALUES (
      CASE WHEN TG_TABLE_NAME = 'subtask_history' THEN 'history' ELSE lower(TG_OP) END,
      the_row.id, the_row.task_id, the_row.kind, the_row.is_idempotent, the_row.attempt,
      CASE WHEN TG_OP <> 'INSERT' THEN OLD.state END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.state END,
      (SELECT state FROM tasks WHERE id = the_row.task_id));
    RETURN NULL;
  END $$;
  CREATE TRIGGER model_note AFTER INSERT OR UPDATE OR DELETE ON subtasks FOR EACH ROW EXECUTE FUNCTION model_note();
  CREATE TRIGGER model_note AFTER INSERT ON subtask_history FOR EACH ROW EXECUTE FUNCTION model_note();
`;

/** An entry as JSON is built of it. */
export const JOURNAL_COLUMNS = `'op', op, 'subtask', subtask::text, 'task', task::text, 'kind', kind, 'isIdempotent', is_idempotent,
  'attempt', attempt, 'from', from_state, 'to', to_state, 'taskState', task_state`;
