import { quoteIdentifier } from '@longshore/sdk/postgres';
import type { PreparedIndex } from '../meta/prepared-index.ts';

/** The statement that makes the index of one table. All names in the body are qualified. */
export function createIndexText(
  { isUnique, body }: Pick<PreparedIndex, 'isUnique' | 'body'>,
  { name, on, isConcurrent }: { readonly name: string; readonly on: string; readonly isConcurrent: boolean },
): string {
  return `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${isConcurrent ? 'CONCURRENTLY ' : ''}${quoteIdentifier(name)} ON ${on} ${body}`;
}
