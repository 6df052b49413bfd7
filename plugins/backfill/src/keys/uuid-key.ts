import type { KeyType } from './key-type.ts';

/** Postgres orders uuids by their bytes; their text, always lower-case and of one shape, has the same order. */
export const uuidKey: KeyType = {
  sql: 'uuid',
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
};
