import type { CsvDialect } from './dialect.ts';

/**
 * The options of the `COPY … FROM STDIN` that reads one chunk, with their parentheses.
 *
 * There is no HEADER among them: the header belongs to no chunk. The encoding is given because the client's default
 * may differ from the file's, and because the record ends were found in UTF-8.
 */
export function copyOptions(dialect: CsvDialect): string {
  const options = [
    'FORMAT csv',
    "ENCODING 'UTF8'",
    `DELIMITER ${literal(dialect.delimiter)}`,
    `QUOTE ${literal(dialect.quote)}`,
    `ESCAPE ${literal(dialect.escape)}`,
    `NULL ${literal(dialect.nullText)}`,
  ];
  return `(${options.join(', ')})`;
}

/** An `E''` string means the same with `standard_conforming_strings` on and off. */
function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
