import type { Db, StoredType } from '@longshore/store';
import { readTypes } from '@longshore/store';

/**
 * Registered task types, kept in memory. A version's registration may be overwritten by newer code of the same version, so what is
 * older than a few seconds is read again.
 */
export class TypeCatalog {
  readonly #db: Db;
  readonly #types = new Map<string, StoredType>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(db: Db) {
    this.#db = db;
  }

  /** A version of a type; null when nobody ever registered it. */
  async get(type: string, version: string): Promise<StoredType | null> {
    if (performance.now() - this.#readAt > 5_000 || !this.#types.has(`${type}@${version}`)) await this.#read();
    return this.#types.get(`${type}@${version}`) ?? null;
  }

  async #read(): Promise<void> {
    const types = await readTypes(this.#db);
    this.#types.clear();
    for (const type of types) this.#types.set(`${type.type}@${type.version}`, type);
    this.#readAt = performance.now();
  }
}
