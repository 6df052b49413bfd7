import type pg from 'pg';

/** Of the advisory lock that held rows wait for. */
const LOCK = 4_712;

/**
 * Makes inserts of some rows into a table wait, each with the transaction that it is part of.
 *
 * @param client whose session holds them back.
 * @param when a condition on `NEW`, such as `NEW.id = 7`.
 * @returns what lets them go.
 */
export async function holdRows(client: pg.Client, table: string, when: string): Promise<() => Promise<void>> {
  await client.query(
    `CREATE OR REPLACE FUNCTION hold_row() RETURNS trigger LANGUAGE plpgsql AS
       $$BEGIN PERFORM pg_advisory_xact_lock_shared(${LOCK}); RETURN NEW; END$$`,
  );
  await client.query(
    `CREATE TRIGGER hold_row BEFORE INSERT ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION hold_row()`,
  );
  await client.query(`SELECT pg_advisory_lock(${LOCK})`);
  return async () => {
    await client.query(`SELECT pg_advisory_unlock(${LOCK})`);
  };
}
