import type { IndexStmt, RangeVar, ScanToken } from 'libpg-query';
import { quoteIdentifier } from '@longshore/sdk/postgres';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { IndexRequest } from './index-request.ts';
import { parseStatements, scanTokens, SqlSyntaxError } from './sql-parser.ts';

/**
 * Reads a CREATE INDEX statement. Its keys, predicate and options stay the user's text, word for word: Postgres reads them again
 * itself, and nothing is lost between a tree and a text made of it.
 *
 * @throws {TaskTypeError} ADD_INDEX_STATEMENT_INVALID, ADD_INDEX_STATEMENT_UNSUPPORTED.
 */
export async function parseIndexStatement(statement: string): Promise<IndexRequest> {
  const { index, end } = await parseOne(statement);
  const { relation } = index;
  if (relation?.relname === undefined) throw invalid('it names no table');
  if (relation.catalogname !== undefined) {
    throw unsupported(`it names the database ${relation.catalogname}; name only the connection in the meta`);
  }
  if (relation.inh !== true) {
    throw unsupported('it has ON ONLY; without ONLY all partitions get the index, and writers are not blocked');
  }
  const start = bodyStart(await scanTokens(statement), relation);
  return {
    table: [relation.schemaname, relation.relname]
      .filter((name) => name !== undefined)
      .map(quoteIdentifier)
      .join('.'),
    name: index.idxname ?? null,
    isUnique: index.unique === true,
    body: Buffer.from(statement).subarray(start, end).toString().trim(),
    tablespace: index.tableSpace ?? null,
  };
}

async function parseOne(statement: string): Promise<{ readonly index: IndexStmt; readonly end: number }> {
  try {
    const [only, ...others] = await parseStatements(statement);
    if (only === undefined) throw invalid('it is empty');
    if (others.length > 0) throw invalid('it has more than one statement');
    if (!('IndexStmt' in only.node)) throw invalid('it is no CREATE INDEX');
    return { index: only.node.IndexStmt, end: only.end };
  } catch (error) {
    throw SqlSyntaxError.is(error) ? invalid(error.message, error) : error;
  }
}

/** Behind the table's name come USING or the parenthesis around the keys; names and dots lie between. */
function bodyStart(tokens: readonly ScanToken[], relation: RangeVar): number {
  const first = tokens.find(
    ({ start, text }) => start > (relation.location ?? 0) && (text === '(' || text.toLowerCase() === 'using'),
  );
  if (first === undefined) throw invalid('it has no keys');
  return first.start;
}

function invalid(reason: string, cause?: unknown): Error {
  const message = `The statement can't be read: ${reason}. Give one statement such as CREATE INDEX ON orders (customer_id).`;
  return addIndexError(AddIndexErrorCode.StatementInvalid, message, undefined, cause);
}

function unsupported(reason: string): Error {
  return addIndexError(AddIndexErrorCode.StatementUnsupported, `This task type can't run the statement: ${reason}.`);
}
