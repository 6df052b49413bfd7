/** The `where` of a Postgres error that happened in a `COPY`. */
export interface CopyContext {
  /** The table's name without its schema. */
  readonly table: string;
  /** Postgres' own count of lines in this COPY, from 1; see {@link RecordLocator} for what it counts. */
  readonly copyLine: number;
  /** The column whose value could not be read; null if it was the line as a whole. */
  readonly column: string | null;
  /** The column's text or, without a column, the line's: the first 100 characters and then `...`. Null if not given. */
  readonly value: string | null;
}

/**
 * Finds the COPY in an error's context, as `CopyFromErrorCallback` writes it: `COPY t, line 17, column price: "abc"`, with
 * `null input` in place of the value, with the line's text and no column, or with the line's number only.
 *
 * The line's number is found in any language of the server's messages, the column in English only.
 *
 * @param where - the error's `where`: one line per context, the COPY's behind those of triggers and functions.
 * @returns null if the error has nothing to do with a COPY, or Postgres did not say the line.
 */
export function parseCopyContext(where: string | undefined): CopyContext | null {
  const match = /^COPY (.+?), [^\s\d,]+ (\d+)(?=$|[,:\s])(.*)$/msu.exec(where ?? '');
  if (match === null) return null;
  const [, table = '', line = '', rest = ''] = match;
  // The value is not escaped: it reaches to the last quote, over line ends and quotes of its own.
  const detail = /^(?:, column (.+?))?(?:: (?:"(.*)"|null input)\s*)?$/su.exec(rest);
  return { table, copyLine: Number(line), column: detail?.[1] ?? null, value: detail?.[2] ?? null };
}
