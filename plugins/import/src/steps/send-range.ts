import type { FileHandle } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { SqlClient } from '@longshore/sdk';
import { from as copyFrom, type CopyStreamQuery } from 'pg-copy-streams';
import type { ByteRange } from '../csv/range-scan.ts';
import { readFully } from '../csv/read-fully.ts';

/**
 * Bytes of one piece: one read, one message to the server. More than a socket takes at once (64 KiB), which is what makes
 * it safe to fill a buffer again: the stream asks for more only when the system has taken all of it.
 */
const PIECE_BYTES = 256 * 1024;

/** How a range is sent. */
export interface SendOptions {
  /** The statement: `COPY … FROM STDIN …`. */
  readonly statement: string;
  readonly signal: AbortSignal;
  /** Waited for with the bytes of each piece before it is sent. */
  readonly beforeSend: (bytes: number) => Promise<void>;
  /** Called with the bytes of each piece when it is on its way. */
  readonly onSent: (bytes: number) => void;
}

/**
 * Sends a range of a file to the server as it is. Two buffers: one is read into while the other one is sent, and the pace is the
 * server's.
 *
 * Pieces go one by one, each awaited. The stream has no use for a queue, and after the server's error it must not be given
 * another piece: it has let its connection go by then.
 *
 * @returns the rows that the server reports.
 * @throws the driver's error; `CSV_FILE_TRUNCATED`; the signal's reason.
 */
export async function sendRange(
  client: SqlClient,
  file: FileHandle,
  range: ByteRange,
  { statement, signal, beforeSend, onSent }: SendOptions,
): Promise<number> {
  const buffers = [Buffer.allocUnsafeSlow(PIECE_BYTES), Buffer.allocUnsafeSlow(PIECE_BYTES)] as const;
  const copy = client.stream(copyFrom(statement));
  const settled = finished(copy);
  const end = { isRefused: false };
  // Raced against every piece; unawaited when the file is what fails.
  settled.catch(() => (end.isRefused = true));
  let offset = range.start;
  let turn = 0;
  const readNext = (): Promise<Buffer> | null => {
    if (offset >= range.end) return null;
    const bytes = Math.min(PIECE_BYTES, range.end - offset);
    const reading = readFully(file, buffers[turn === 0 ? 0 : 1].subarray(0, bytes), offset);
    offset += bytes;
    turn = 1 - turn;
    return reading;
  };
  let reading = readNext();
  try {
    while (reading !== null) {
      const piece = await reading;
      signal.throwIfAborted();
      reading = readNext();
      await beforeSend(piece.length);
      if (end.isRefused) break;
      await Promise.race([settled, write(copy, piece)]);
      onSent(piece.length);
    }
    if (!end.isRefused) copy.end();
    await settled;
    return copy.rowCount;
  } finally {
    // The file is closed next, and a read must not outlive it.
    await reading?.catch(() => undefined);
  }
}

function write(copy: CopyStreamQuery, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => copy.write(piece, (error) => (error == null ? resolve() : reject(error))));
}
