import { formatCount, formatCountOf, isTerminal, LiveLines } from 'longshore';

/** Between two lines where they can't be drawn anew, in milliseconds: nobody wonders whether it still works, and a log stays short. */
const LINE_INTERVAL_MS = 5_000;
/** Between two drawings on a terminal. */
const REDRAW_MS = 200;

/** Shows how many rows of the file are made. */
export interface MakingDisplay {
  update(made: number): void;
  /** Takes it away again. Idempotent. */
  close(): void;
}

/** One line that changes on a terminal, a line every few seconds elsewhere. */
export function showMaking(rows: number, stream: NodeJS.WritableStream): MakingDisplay {
  const text = (made: number): string => `  ${formatCount(made)} of ${formatCountOf(rows, 'row')} made`;
  if (!isTerminal(stream)) {
    return {
      update: everySoOften(LINE_INTERVAL_MS, (made) => stream.write(`${text(made)}\n`)),
      close: () => undefined,
    };
  }
  const live = new LiveLines(stream);
  return {
    update: everySoOften(REDRAW_MS, (made) => live.draw([text(made)])),
    close: () => {
      live.draw([]);
      live.close();
    },
  };
}

function everySoOften(intervalMs: number, show: (made: number) => void): (made: number) => void {
  let shownAtMs = performance.now();
  return (made) => {
    if (performance.now() - shownAtMs < intervalMs) return;
    shownAtMs = performance.now();
    show(made);
  };
}
