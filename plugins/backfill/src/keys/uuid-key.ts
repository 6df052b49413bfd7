import type { KeyType } from './key-type.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Postgres orders uuids by their bytes; their text, always lower-case and of one shape, has the same order. */
export const uuidKey: KeyType = {
  sql: 'uuid',
  isKey: (text) => UUID.test(text),
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
};
