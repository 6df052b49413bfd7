import type { KeyType } from './key-type.ts';
import { uuidKey } from './uuid-key.ts';
import { wholeNumberKey } from './whole-number-key.ts';

/** The key types that there are, by Postgres' internal name (`pg_type.typname`). */
export const keyTypes = {
  int2: wholeNumberKey('smallint'),
  int4: wholeNumberKey('integer'),
  int8: wholeNumberKey('bigint'),
  uuid: uuidKey,
} as const satisfies Readonly<Record<string, KeyType>>;

export type KeyTypeName = keyof typeof keyTypes;

export const keyTypeNames = Object.keys(keyTypes) as KeyTypeName[];

/** Whether backfills know this type. */
export function isKeyTypeName(name: string): name is KeyTypeName {
  return Object.hasOwn(keyTypes, name);
}
