import type { FileHandle } from 'node:fs/promises';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';

/** How much of a file is looked at: enough to tell UTF-16 from a text with a zero byte in it. */
const LOOKED_AT_BYTES = 4_096;

/** How files of other kinds begin, what they are, and what makes a text of them. */
const BEGINNINGS: readonly (readonly [begins: string, what: string, advice: string])[] = [
  ['\x1f\x8b', 'compressed with gzip', 'unpack it with gunzip'],
  ['\x28\xb5\x2f\xfd', 'compressed with zstd', 'unpack it with unzstd'],
  ['\xfd7zXZ\0', 'compressed with xz', 'unpack it with unxz'],
  ['BZh', 'compressed with bzip2', 'unpack it with bunzip2'],
  ['\x04\x22\x4d\x18', 'compressed with lz4', 'unpack it with unlz4'],
  ['PK\x03\x04', 'a zip archive or a workbook', 'unpack it, or save the sheet as CSV in UTF-8'],
  ['\xd0\xcf\x11\xe0', 'a workbook of an old kind', 'save the sheet as CSV in UTF-8'],
  ['PAR1', 'a Parquet file', 'export it as CSV'],
  ['PGDMP', 'a dump of Postgres', 'restore it with pg_restore'],
  ['PGCOPY\n\xff', 'in the binary format of COPY', 'export it as CSV'],
  ['SQLite format 3\0', 'a SQLite database', 'export the table as CSV'],
  ['\xff\xfe\0\0', 'in UTF-32LE', 'convert it: iconv -f UTF-32 -t UTF-8'],
  ['\0\0\xfe\xff', 'in UTF-32BE', 'convert it: iconv -f UTF-32 -t UTF-8'],
  ['\xff\xfe', 'in UTF-16LE', 'convert it: iconv -f UTF-16 -t UTF-8'],
  ['\xfe\xff', 'in UTF-16BE', 'convert it: iconv -f UTF-16 -t UTF-8'],
];

/** Bytes below a tab are in each of those files, and in no text: a header may be called PAR1. */
const FIRST_TEXT_BYTE = 0x09;

/** Byte order marks can't be in a text of UTF-8, whatever follows. */
const NO_UTF8 = /^[\xfe\xff]/;

/**
 * Refuses a file that is no text in UTF-8 by how it begins, with what it is: as a text it would fail in a way that says little.
 *
 * @throws {TaskTypeError} IMPORT_FILE_NOT_TEXT.
 */
export async function refuseForeignContent(handle: FileHandle, path: string): Promise<void> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOOKED_AT_BYTES), 0, LOOKED_AT_BYTES, 0);
  const found = recogniseContent(buffer.subarray(0, bytesRead));
  if (found === null) return;
  const message = `${path} is ${found.what}, and imports read text in UTF-8: ${found.advice}.`;
  throw importError(ImportErrorCode.FileNotText, message, { file: path });
}

/** What a file is that begins so; null: it may be a text. */
export function recogniseContent(head: Buffer): { readonly what: string; readonly advice: string } | null {
  const text = head.toString('latin1');
  const known = BEGINNINGS.find(([begins]) => text.startsWith(begins));
  const isBinary = NO_UTF8.test(text) || head.some((byte) => byte < FIRST_TEXT_BYTE);
  if (known !== undefined && isBinary) return { what: known[1], advice: known[2] };
  // Latin letters, digits and delimiters have one zero byte each in UTF-16, always on the same side.
  const zeros = [0, 0];
  for (const [i, byte] of head.entries()) if (byte === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const many = head.length / 6;
  if (odd > many && even === 0) return utf16('UTF-16LE');
  if (even > many && odd === 0) return utf16('UTF-16BE');
  return null;
}

function utf16(encoding: string): { readonly what: string; readonly advice: string } {
  return { what: `in ${encoding} without a byte order mark`, advice: `convert it: iconv -f ${encoding} -t UTF-8` };
}
