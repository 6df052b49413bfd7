/** Sends one statement in one session. */
export type SendStatement = (
  text: string,
  values: readonly unknown[],
) => Promise<{ readonly rows: readonly unknown[] }>;

/** Which of the sessions that block the waiting one are ended. */
export interface BlockerRule {
  /**
   * A condition in SQL over two rows of `pg_stat_activity`: `own`, the session that waits, and `blocker`. Its parameters begin at `$2`.
   */
  readonly condition: string;
  readonly values: readonly unknown[];
}

export interface BlockerWatch {
  /** In the session that may come to wait. */
  readonly waiting: SendStatement;
  /** In any other session. */
  readonly other: SendStatement;
  /** How long to wait before anything is ended, in milliseconds. */
  readonly afterMs: number;
  /** How long until the next look, in milliseconds: a session that was ended may have been the first of several. */
  readonly everyMs: number;
  readonly rule: BlockerRule;
  /** What to throw when the role may not end a session. Default: it keeps waiting. */
  readonly refused?: (cause: unknown) => Error;
}

/** SQLSTATE insufficient_privilege. */
const NO_PRIVILEGE = '42501';

/**
 * Runs a statement that may wait for a lock which others hold; while it waits, a second session ends those that block it. In this
 * order: to end them first and wait then would let them come back and take the lock again in between.
 *
 * @param run sends the statement in the waiting session.
 * @returns what `run` resolves to. Nothing is ended any more by then.
 * @throws what `run` throws, or the error of `watch.refused`.
 */
export async function endingBlockers<T>(watch: BlockerWatch, run: () => Promise<T>): Promise<T> {
  const own = await watch.waiting('SELECT pg_backend_pid() AS pid', []);
  const { pid } = own.rows[0] as { readonly pid: number };
  const refused = Promise.withResolvers<never>();
  let isDone = false;
  let timer: NodeJS.Timeout | undefined;
  let ending: Promise<void> = Promise.resolve();
  const lookIn = (ms: number): void => {
    timer = setTimeout(() => {
      ending = look();
    }, ms);
  };
  const look = async (): Promise<void> => {
    try {
      await endBlockersOf(pid, watch);
    } catch (error) {
      // Anything else may pass by itself: the next look tries it again.
      if (watch.refused !== undefined && isRefusal(error)) refused.reject(watch.refused(error));
    }
    if (!isDone) lookIn(watch.everyMs);
  };
  lookIn(watch.afterMs);
  try {
    return await Promise.race([run(), refused.promise]);
  } finally {
    isDone = true;
    clearTimeout(timer);
    await ending;
  }
}

async function endBlockersOf(pid: number, { other, rule }: BlockerWatch): Promise<void> {
  await other(
    `SELECT pg_terminate_backend(blocker.pid)
     FROM pg_stat_activity own JOIN pg_stat_activity blocker ON blocker.pid = ANY(pg_blocking_pids(own.pid))
     WHERE own.pid = $1 AND ${rule.condition}`,
    [pid, ...rule.values],
  );
}

function isRefusal(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === NO_PRIVILEGE;
}
