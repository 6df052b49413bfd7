/** A loop that works when woken, and otherwise every so often. */
export interface WakeableLoop {
  /** Look now, or right after the round that is under way. Cheap, may be called often. */
  wake(): void;
  /** Resolves when the loop has ended, after its signal was aborted and its last round is over. */
  readonly done: Promise<void>;
}

export interface LoopOptions {
  /** Longest pause between two rounds, in milliseconds. */
  readonly intervalMs: number;
  /** One round. Returns true when there is more to do at once. Errors go to `onError`, and the loop continues. */
  readonly round: (signal: AbortSignal) => Promise<boolean>;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * The shape of every service's work: a level-triggered round, repeated. A wake that comes during a round is not lost: another
 * round follows. After an error the next round waits for the interval, woken or not, so a broken dependency is not hammered.
 */
export function startLoop(options: LoopOptions): WakeableLoop {
  const { signal } = options;
  let isWoken = false;
  let endPause: (() => void) | null = null;
  const pause = (isWakeable: boolean): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(end, options.intervalMs);
      function end(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        endPause = null;
        resolve();
      }
      if (isWakeable) endPause = end;
      signal.addEventListener('abort', end, { once: true });
    });
  const isQuiet = (): boolean => !isWoken && !signal.aborted;
  const run = async (): Promise<void> => {
    while (!isAborted(signal)) {
      isWoken = false;
      try {
        const hasMore = await options.round(signal);
        if (!hasMore && isQuiet()) await pause(true);
      } catch (error) {
        if (isAborted(signal)) return;
        options.onError(error);
        await pause(false);
      }
    }
  };
  return {
    wake: () => {
      isWoken = true;
      endPause?.();
    },
    done: run(),
  };
}

/** Read through a call, because the compiler believes that `aborted` can't change within a function. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
