import type { PreparedIndex } from '../meta/prepared-index.ts';
import { quoteName } from './quote.ts';

/** The statement that makes the index of one table. All names in the body are qualified. */
export function createIndexText(
  { isUnique, body }: Pick<PreparedIndex, 'isUnique' | 'body'>,
  { name, on, isConcurrent }: { readonly name: string; readonly on: string; readonly isConcurrent: boolean },
): string {
  return `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${isConcurrent ? 'CONCURRENTLY ' : ''}${quoteName(name)} ON ${on} ${body}`;
}
