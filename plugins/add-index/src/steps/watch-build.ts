import type { SubtaskContext, TargetConnection } from '@longshore/sdk';
import { pause } from '@longshore/sdk/postgres';
import { readBuildProgress, type BuildProgress } from '../catalog/build-progress.ts';
import { describeHolder } from '../catalog/lock-holder.ts';
import type { ShowWaiting } from '../locking/show-waiting.ts';

/** How often the progress is read, in milliseconds; progress is reported once a second at most. */
const LOOK_MS = 1_000;

export interface WatchedBuild {
  readonly connection: TargetConnection;
  /** The session that builds. */
  readonly pid: number;
  /** Told the share that is done. */
  readonly report: (share: number) => void;
  /** Told what the build is through with. */
  readonly count: (progress: Pick<BuildProgress, 'phase' | 'done'>) => void;
  readonly show: ShowWaiting;
}

/**
 * Looks at a build from a second session while it goes on: progress by Postgres' own view, and who keeps it waiting.
 *
 * @param build waits for its end.
 * @returns what `build` returns.
 */
export async function watchBuild<T>(
  context: Pick<SubtaskContext, 'progress' | 'logger' | 'signal'>,
  watched: WatchedBuild,
  build: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const watching = watch(context, watched, AbortSignal.any([ended.signal, context.signal]));
  try {
    return await build();
  } finally {
    ended.abort();
    await watching;
  }
}

async function watch(
  { logger, progress }: Pick<SubtaskContext, 'logger' | 'progress'>,
  { connection, pid, report, count, show }: WatchedBuild,
  signal: AbortSignal,
): Promise<void> {
  const shown = oneReason(show);
  try {
    for (;;) {
      await pause(LOOK_MS, signal);
      const { phase, share, done, blocker } = await connection.read((client) => readBuildProgress(client, pid));
      report(share);
      count({ phase, done });
      progress.phase(phase);
      shown.set(blocker === null ? null : `${phase ?? 'waiting for the table'}: ${describeHolder(blocker)}`);
    }
  } catch (error) {
    // A look that failed is no failure of the build; the end of the build is how this ends.
    if (!signal.aborted) logger.warn('the progress of the index build can no longer be read', { error: String(error) });
  } finally {
    progress.phase(null);
    shown.set(null);
  }
}

/** Shows one reason at a time, and only changes of it. */
function oneReason(show: ShowWaiting): { set(message: string | null): void } {
  let current: string | null = null;
  let hide: (() => void) | null = null;
  return {
    set: (message) => {
      if (message === current) return;
      hide?.();
      current = message;
      hide = message === null ? null : show({ code: 'LOCK_HELD', message });
    },
  };
}

/**
 * Turns a growing share of a build into what was added since the last look. One for an attempt: a build that begins anew counts from where
 * the one before it came to.
 *
 * @param size what the whole build counts as.
 */
export function shareReporter(
  { progress }: Pick<SubtaskContext, 'progress'>,
  size: { readonly rows: number; readonly bytes: number },
): (share: number) => void {
  const done = { rows: 0, bytes: 0 };
  return (share) => {
    const rows = Math.max(0, Math.floor(size.rows * share) - done.rows);
    const bytes = Math.max(0, Math.floor(size.bytes * share) - done.bytes);
    if (rows === 0 && bytes === 0) return;
    done.rows += rows;
    done.bytes += bytes;
    progress.add({ rows, bytes });
  };
}

/**
 * Turns what each phase of a build is through with into what was added since the last look. Postgres counts anew in each phase that works.
 * A phase that waits still shows the figures of the phase before it.
 *
 * @param add told blocks and tuples.
 */
export function phaseCounter(
  add: (counts: { readonly blocks: number; readonly tuples: number }) => void,
): WatchedBuild['count'] {
  let last: Parameters<WatchedBuild['count']>[0] = { phase: null, done: { blocks: 0, tuples: 0 } };
  return ({ phase, done }) => {
    const goesOn = phase === last.phase || phase?.startsWith('waiting for ') === true;
    const before = goesOn ? last.done : { blocks: 0, tuples: 0 };
    last = { phase, done };
    add({ blocks: Math.max(0, done.blocks - before.blocks), tuples: Math.max(0, done.tuples - before.tuples) });
  };
}
