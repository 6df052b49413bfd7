import type { TargetConnection } from '@longshore/sdk';

/** A session that another one waits for. */
export interface LockHolder {
  readonly pid: number;
  readonly application: string;
  /** When its transaction began, as a text in UTC; null where the role may not see it. */
  readonly began: string | null;
}

/** Looks from a second session at who holds what the first one waits for. */
export class LockWatch {
  readonly #connection: TargetConnection;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();
  #isEnded = false;
  #holders: readonly LockHolder[] = [];

  /** @param everyMs - between two looks, in milliseconds; well below the lock timeout, or the wait is over before. */
  constructor(connection: TargetConnection, everyMs: number) {
    this.#connection = connection;
    this.#everyMs = everyMs;
  }

  /** Whom the session waited for when that was last seen; empty: it did not wait, or not for long enough. */
  get holders(): readonly LockHolder[] {
    return this.#holders;
  }

  /** Begins to look. @param pid - of the session that may come to wait. */
  start(pid: number): void {
    this.#timer = setTimeout(() => {
      this.#look = this.#lookOnce(pid).then(
        () => (this.#isEnded ? undefined : this.start(pid)),
        // It is there to explain; what it can't see it can't explain.
        () => undefined,
      );
    }, this.#everyMs);
  }

  /** Ends; resolves when the second session is free again. */
  async stop(): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    await this.#look;
  }

  async #lookOnce(pid: number): Promise<void> {
    const found = await this.#connection.read((client) =>
      client.query<LockHolder & Record<string, unknown>>(
        `SELECT a.pid, a.application_name AS application,
                to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS began
           FROM pg_stat_activity AS a WHERE a.pid = ANY (pg_blocking_pids($1)) ORDER BY a.xact_start LIMIT 3`,
        [pid],
      ),
    );
    if (found.rows.length > 0) this.#holders = found.rows;
  }
}
