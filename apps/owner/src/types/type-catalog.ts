import { chooseTypeVersion } from '@longshore/core';
import type { Db, StoredType } from '@longshore/store';
import { readTypes } from '@longshore/store';

/**
 * Registered task types, kept in memory. A version's registration may be overwritten by newer code of the same version, so what is
 * older than a few seconds is read again.
 */
export class TypeCatalog {
  readonly #db: Db;
  #types = new Map<string, readonly StoredType[]>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(db: Db) {
    this.#db = db;
  }

  /** A version of a type, or the newest that can stand for it; null when nobody ever registered one. */
  async get(type: string, version: string): Promise<StoredType | null> {
    if (performance.now() - this.#readAt > 5_000 || this.#find(type, version) === null) await this.#read();
    return this.#find(type, version);
  }

  /** Versions of a type that were registered when it was last looked for; none: the type is unknown. */
  versionsOf(type: string): readonly string[] {
    return (this.#types.get(type) ?? []).map((one) => one.version);
  }

  #find(type: string, version: string): StoredType | null {
    const chosen = chooseTypeVersion(version, this.versionsOf(type));
    return this.#types.get(type)?.find((one) => one.version === chosen) ?? null;
  }

  async #read(): Promise<void> {
    this.#types = Map.groupBy(await readTypes(this.#db), (one) => one.type);
    this.#readAt = performance.now();
  }
}
