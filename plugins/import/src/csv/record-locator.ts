import type { CsvDialect } from './dialect.ts';
import type { Chunk } from './fold-chunks.ts';
import { LineEnd } from './range-scan.ts';

/** A record of the file, by the line that Postgres named. */
export interface LocatedRecord {
  /** Bytes from the start of the file to the record. */
  readonly offset: number;
  /** Line in the file at which the record begins, from 1. */
  readonly firstLine: number;
  /** Line in the file at which it ends; the same unless it holds line ends within quotes. */
  readonly lastLine: number;
  /** Records of the chunk before it. */
  readonly recordIndex: number;
}

const lf = 0x0a;
const cr = 0x0d;

/**
 * Finds the record of a chunk from the line that Postgres names in an error. Pure: feed it the chunk's bytes in order.
 *
 * Postgres' line is not the chunk's line. `CopyReadLineText` counts one per record, and one more per line end within quotes
 * that is an LF in a file of LF lines, but a CR in all others, and also in the first record of every COPY, whose style it
 * does not know yet. So in an LF file it does not see the line ends within the first record, and in a CRLF file no LF
 * within quotes that stands alone. This counts as it does, and counts the file's lines beside it.
 */
export class RecordLocator {
  readonly #quote: number;
  readonly #escape: number;
  readonly #copyLine: number;
  /** The byte that ends the file's lines; in a CRLF file the second one. */
  readonly #lineByte: number;
  /** The byte that Postgres counts within quotes, from the second record on. */
  readonly #laterCountedByte: number;

  #countedByte = cr;
  #isInside = false;
  #isEscaped = false;
  /** Postgres' `cur_lineno`. */
  #counted = 1;
  #line: number;
  #offset: number;
  #start: { readonly offset: number; readonly line: number; readonly index: number };
  #record: LocatedRecord | null = null;
  #isFound = false;

  /** @param lineEnd - of the file, which {@link foldChunks} has found to have one style only. */
  constructor(dialect: CsvDialect, chunk: Chunk, copyLine: number, lineEnd: LineEnd | null) {
    this.#quote = dialect.quote.charCodeAt(0);
    this.#escape = dialect.escape.charCodeAt(0);
    this.#copyLine = copyLine;
    this.#lineByte = lineEnd === LineEnd.Cr ? cr : lf;
    this.#laterCountedByte = lineEnd === LineEnd.Lf ? lf : cr;
    this.#line = chunk.firstLine;
    this.#offset = chunk.start;
    this.#start = { offset: chunk.start, line: chunk.firstLine, index: 0 };
  }

  /** Reads the next piece of the chunk. Says whether the record is found, so that no more is needed. */
  feed(piece: Uint8Array): boolean {
    for (const byte of piece) {
      if (this.#isFound) break;
      this.#read(byte);
    }
    return this.#isFound;
  }

  /** The record that was found, or else the last one that was fed; null if nothing was. */
  finish(): LocatedRecord | null {
    if (!this.#isFound && this.#offset > this.#start.offset) this.#endRecord(this.#line);
    return this.#record;
  }

  #read(byte: number): void {
    this.#offset++;
    if (this.#isInside && byte === this.#escape && byte !== this.#quote) this.#isEscaped = !this.#isEscaped;
    if (byte === this.#quote && !this.#isEscaped) this.#isInside = !this.#isInside;
    if (byte !== this.#escape) this.#isEscaped = false;
    if (this.#isInside && byte === this.#countedByte) this.#counted++;
    if (byte !== this.#lineByte) return;
    this.#line++;
    if (!this.#isInside) this.#endRecord(this.#line - 1);
  }

  #endRecord(lastLine: number): void {
    const { offset, line, index } = this.#start;
    this.#record = { offset, firstLine: line, lastLine, recordIndex: index };
    this.#isFound = this.#counted >= this.#copyLine;
    this.#start = { offset: this.#offset, line: this.#line, index: index + 1 };
    this.#counted++;
    this.#countedByte = this.#laterCountedByte;
  }
}
