import type { SqlClient } from '@longshore/sdk';
import { sqlClientDialect } from '@longshore/sdk/postgres/kysely';
import { Kysely } from 'kysely';

interface Shop {
  orders: { id: number; day: string; paid: boolean };
}

/** Marks a day's orders as paid. */
export async function closeDay(client: SqlClient, day: string): Promise<{ rows: number }> {
  const db = new Kysely<Shop>({ dialect: sqlClientDialect(client) });
  const closed = await db
    .updateTable('orders')
    .set({ paid: true })
    .where('day', '=', day)
    .where('paid', '=', false)
    .executeTakeFirstOrThrow();
  return { rows: Number(closed.numUpdatedRows) };
}
