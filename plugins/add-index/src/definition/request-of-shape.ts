import { quoteIdentifier, quoteLiteral } from '@longshore/sdk/postgres';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { IndexKey, IndexShape } from '../meta/index-shape.ts';
import type { IndexRequest } from './index-request.ts';
import { parseStatements, SqlSyntaxError } from './sql-parser.ts';

/**
 * Writes an index that was given field by field as SQL. Names are quoted; expressions are parsed alone first, so that none can end
 * its parentheses and go on with something else.
 *
 * @throws {TaskTypeError} ADD_INDEX_META_INVALID when fields contradict each other or an expression is none.
 */
export async function requestOfShape(shape: IndexShape): Promise<IndexRequest> {
  const keys = await Promise.all(shape.columns.map((key) => keyText(typeof key === 'string' ? { column: key } : key)));
  if (shape.nullsNotDistinct && !shape.unique) throw invalid('nullsNotDistinct needs unique');
  const settings = Object.entries(shape.with).map(([name, value]) => `${name} = ${quoteLiteral(String(value))}`);
  if (shape.where !== undefined) await checkExpression(shape.where, 'where');
  const parts = [
    `USING ${shape.method} (${keys.join(', ')})`,
    ...(shape.include.length === 0 ? [] : [`INCLUDE (${shape.include.map(quoteIdentifier).join(', ')})`]),
    ...(shape.nullsNotDistinct ? ['NULLS NOT DISTINCT'] : []),
    ...(settings.length === 0 ? [] : [`WITH (${settings.join(', ')})`]),
    ...(shape.tablespace === undefined ? [] : [`TABLESPACE ${quoteIdentifier(shape.tablespace)}`]),
    ...(shape.where === undefined ? [] : [`WHERE (${shape.where}\n)`]),
  ];
  return {
    table: shape.table,
    name: shape.name ?? null,
    isUnique: shape.unique,
    body: parts.join(' '),
    tablespace: shape.tablespace ?? null,
  };
}

async function keyText({ column, expression, collation, opclass, order, nulls }: IndexKey): Promise<string> {
  if ((column === undefined) === (expression === undefined)) {
    throw invalid('each item of columns must be a name, or an object with either column or expression');
  }
  if (expression !== undefined) await checkExpression(expression, 'expression');
  return [
    // The line's end, so that a comment in the expression ends before the parenthesis.
    expression === undefined ? quoteIdentifier(column ?? '') : `(${expression}\n)`,
    ...(collation === undefined ? [] : [`COLLATE ${collation}`]),
    ...(opclass === undefined ? [] : [opclass]),
    ...(order === undefined ? [] : [order.toUpperCase()]),
    ...(nulls === undefined ? [] : [`NULLS ${nulls.toUpperCase()}`]),
  ].join(' ');
}

/** Parts of a SELECT that one expression and nothing else has. */
const expressionParts = new Set(['targetList', 'limitOption', 'op']);

async function checkExpression(text: string, field: string): Promise<void> {
  try {
    const [only, ...others] = await parseStatements(`SELECT (${text}\n)`);
    const select = only !== undefined && 'SelectStmt' in only.node ? only.node.SelectStmt : null;
    const isExpression =
      others.length === 0 &&
      select?.targetList?.length === 1 &&
      Object.keys(select).every((part) => expressionParts.has(part));
    if (!isExpression) throw invalid(`${field} ${JSON.stringify(text)} is not one SQL expression`);
  } catch (error) {
    if (!SqlSyntaxError.is(error)) throw error;
    throw invalid(`${field} ${JSON.stringify(text)} is not an SQL expression: ${error.message}`, error);
  }
}

function invalid(reason: string, cause?: unknown): Error {
  return addIndexError(AddIndexErrorCode.MetaInvalid, `The index can't be read: ${reason}.`, undefined, cause);
}
