import { findRunningDev } from '@longshore/client/internal';
import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CommandContext } from '../command-context.ts';
import { runSql } from '../sql/run-sql.ts';
import { sqlJson, sqlText } from '../sql/sql-text.ts';

interface DevSqlFlags {
  readonly file?: string;
  readonly server?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ longshore dev sql 'CREATE TABLE orders (id int, total numeric)'
  $ longshore dev sql 'SELECT count(*) FROM orders'
  $ longshore dev sql --file schema.sql
  $ echo 'TABLE orders' | longshore dev sql --json | jq '.results[0].rows'

It needs no psql. Several statements, with semicolons between them, are one transaction, unless they begin or commit one.`;

export function addDevSqlCommand(dev: Command, context: CommandContext): void {
  dev
    .command('sql [statement]')
    .description('run SQL in the Postgres of the dev cluster of this folder, and print what it gives')
    .option('-f, --file <file>', 'read the statements from a file; - reads stdin, as it does without a statement')
    .option('-s, --server <file>', 'the dev.json of a dev cluster elsewhere; default: the dev cluster here')
    .option('--json', 'print JSON for programs')
    .addHelpText('after', EXAMPLES)
    .action(async (statement: string | undefined, flags: DevSqlFlags) => {
      const sql = statementOf(statement, flags.file, context);
      const { databaseUrl } = findRunningDev(flags.server, context.cwd);
      const results = await runSql(databaseUrl, sql, {
        signal: context.signal,
        onNotice: (text) => context.note(text),
      });
      const text = flags.json === true ? sqlJson(results) : sqlText(results);
      if (text !== '') context.print(text);
    });
}

function statementOf(statement: string | undefined, file: string | undefined, context: CommandContext): string {
  if (statement !== undefined && file !== undefined) throw invalid('give a statement or --file, not both');
  if (statement !== undefined) return statement;
  const isStdin = file === undefined || file === '-';
  if (isStdin && process.stdin.isTTY) context.note('SQL, then Ctrl-D:');
  try {
    return readFileSync(isStdin ? 0 : resolve(context.cwd, file), 'utf8');
  } catch (cause) {
    throw invalid(`${isStdin ? 'stdin' : `--file ${file}`} cannot be read: ${(cause as Error).message}`, cause);
  }
}

function invalid(message: string, cause?: unknown): LongshoreError {
  return new LongshoreError('ARGUMENT_INVALID', message, { cause });
}
