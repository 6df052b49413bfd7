import type { WriteStream } from 'node:tty';
import { cutText, textWidth } from './text-width.ts';

/** What a terminal's size is taken for when it doesn't say. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/**
 * Lines at the end of what a terminal shows, drawn anew in their place. The cursor stands on the empty line below them. It stays visible
 * and nothing of the terminal's modes is changed, so a process that is killed leaves nothing to repair.
 */
export class LiveLines {
  readonly #stream: WriteStream;
  readonly #redraw = (): void => this.#draw('');
  #lines: readonly string[] = [];
  /** Widths of the lines that stand there, in columns. */
  #drawn: readonly number[] = [];
  #isClosed = false;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    stream.on('resize', this.#redraw);
  }

  /** Shows these lines instead of those before. Those that are too long are cut; if they are too many, the last ones are only counted. */
  draw(lines: readonly string[]): void {
    if (this.#isClosed) return;
    this.#lines = lines;
    this.#draw('');
  }

  /** Writes a line that stays, above them. */
  above(text: string): void {
    if (this.#isClosed) this.#stream.write(`${text}\n`);
    else this.#draw(`${text}\n`);
  }

  /** Leaves them standing; what is written from now on comes below. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#stream.off('resize', this.#redraw);
  }

  #draw(before: string): void {
    const { columns, rows } = this.#size();
    // A terminal that was made narrower has broken the lines that stand there.
    const up = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    // The last column stays free: what fills it leaves the cursor in a place of which terminals have different opinions.
    const lines = fitting(this.#lines, rows - 1).map((line) => cutText(line, columns - 1));
    this.#drawn = lines.map(textWidth);
    const back = up === 0 ? '' : `\x1b[${up}A`;
    // One write: nobody sees it half done.
    this.#stream.write(`\r${back}\x1b[J${before}${lines.map((line) => `${line}\n`).join('')}`);
  }

  /** As it is now, which the stream itself learns a moment later. */
  #size(): { readonly columns: number; readonly rows: number } {
    const [columns, rows] = this.#stream.getWindowSize();
    return columns > 1 && rows > 1 ? { columns, rows } : DEFAULT_SIZE;
  }
}

function fitting(lines: readonly string[], most: number): readonly string[] {
  if (lines.length <= most) return lines;
  const shown = Math.max(0, most - 1);
  return [...lines.slice(0, shown), `    … and ${lines.length - shown} more`];
}
