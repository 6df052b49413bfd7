import { hasSqlDetails, loadModule, parseSync, scanSync, type Node, type ScanToken } from 'libpg-query';

/** A statement's tree, and where its text lies. */
export interface ParsedStatement {
  readonly node: Node;
  /** In bytes of UTF-8. */
  readonly start: number;
  readonly end: number;
}

/** What cannot be parsed, in Postgres' own words. */
export class SqlSyntaxError extends Error {
  override readonly name = 'SqlSyntaxError';

  static is(thrown: unknown): thrown is SqlSyntaxError {
    return thrown instanceof Error && thrown.name === 'SqlSyntaxError';
  }
}

/**
 * Parses SQL by Postgres' own grammar.
 *
 * @throws {SqlSyntaxError} with what is wrong and where.
 */
export async function parseStatements(sql: string): Promise<readonly ParsedStatement[]> {
  await loadModule();
  const bytes = Buffer.byteLength(sql);
  try {
    const { stmts = [] } = parseSync(sql);
    return stmts.flatMap(({ stmt, stmt_location: start = 0, stmt_len: length }) =>
      stmt === undefined ? [] : [{ node: stmt, start, end: length === undefined ? bytes : start + length }],
    );
  } catch (cause) {
    throw new SqlSyntaxError(wordsOf(cause), { cause });
  }
}

/** The tokens of an SQL text, at offsets in bytes. */
export async function scanTokens(sql: string): Promise<readonly ScanToken[]> {
  await loadModule();
  return scanSync(sql).tokens;
}

function wordsOf(error: unknown): string {
  if (!hasSqlDetails(error)) return error instanceof Error ? error.message : String(error);
  const position = error.sqlDetails?.cursorPosition ?? 0;
  return position > 0 ? `${error.message}, at character ${position}` : error.message;
}
