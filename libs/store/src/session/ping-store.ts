import { sql } from 'kysely';
import { fromStore, type Store } from './open-store.ts';

/** Resolves if the store answers. @throws {LongshoreError} STORE_UNAVAILABLE when it can't be reached. */
export async function pingStore({ db }: Pick<Store, 'db'>): Promise<void> {
  await fromStore(sql`SELECT 1`.execute(db));
}
