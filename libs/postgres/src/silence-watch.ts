/** A session as the watch sees it. */
export interface WatchedSession {
  readonly isAwaitingAnswer: boolean;
  readonly bytesRead: number;
  /** The server's process for it. */
  readonly processID: number | null;
  /** Whether somebody uses it. */
  readonly isLent: boolean;
  breakOff(error: Error): void;
}

/** How long the client waits for an answer without hearing a single byte. */
export interface SilenceLimits {
  /**
   * After how long a second session asks whether the server still works for this one, in milliseconds. A statement may take hours; one that
   * the server doesn't know is broken off. Default: nobody asks.
   */
  readonly askMs?: number | undefined;
  /**
   * After how long the session is broken off, whatever the server does, in milliseconds. Must exceed the server's own limit of a
   * statement, so that only a lost answer takes so long. Default: no limit.
   */
  readonly answerMs?: number | undefined;
}

/** Which of these backends still work for their clients; null: nobody can tell. */
export type AskServer = (pids: readonly number[]) => Promise<ReadonlySet<number> | null>;

interface Silence {
  bytesRead: number;
  /** How long it has been silent, as far as this process could listen. */
  ms: number;
  nextAskMs: number;
}

/** Looks per limit: a session is broken off at most a sixth later. */
const LOOKS_PER_LIMIT = 6;
const LONGEST_PAUSE_MS = 500;

/**
 * Finds sessions whose connection is half-open: it was dropped on the way, and neither end was told. The operating system needs many minutes to
 * notice, and Node can't shorten that for what was sent.
 */
export class SilenceWatch {
  readonly #limits: SilenceLimits;
  readonly #ask: AskServer;
  readonly #pauseMs: number;
  readonly #sessions = new Map<WatchedSession, Silence>();
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;
  #isAsking = false;

  constructor(limits: SilenceLimits, ask: AskServer) {
    this.#limits = limits;
    this.#ask = ask;
    const shortest = Math.min(limits.askMs ?? Infinity, limits.answerMs ?? Infinity);
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, shortest / LOOKS_PER_LIMIT);
  }

  add(session: WatchedSession): void {
    this.#sessions.set(session, heardNow(session, this.#limits));
    if (this.#timer !== undefined) return;
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => this.#look(), this.#pauseMs).unref();
  }

  remove(session: WatchedSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = performance.now();
    // A process that stood still heard nothing in that time, and that says nothing about its sessions.
    const passedMs = Math.min(now - this.#lookedAt, 2 * this.#pauseMs);
    this.#lookedAt = now;
    const { answerMs = Infinity } = this.#limits;
    const unheard: WatchedSession[] = [];
    for (const [session, silence] of this.#sessions) {
      if (!isSilent(session, silence)) {
        this.#sessions.set(session, heardNow(session, this.#limits));
        continue;
      }
      silence.ms += passedMs;
      if (silence.ms >= answerMs) {
        this.#breakOff([session], `did not answer for ${Math.round(silence.ms)} ms, which is beyond its own limit`);
      } else if (silence.ms >= silence.nextAskMs) {
        unheard.push(session);
      }
    }
    if (unheard.length > 0 && !this.#isAsking) void this.#askFor(unheard);
  }

  async #askFor(sessions: readonly WatchedSession[]): Promise<void> {
    this.#isAsking = true;
    const before = new Map(sessions.map((session) => [session, session.bytesRead]));
    const pids = sessions.flatMap((session) => session.processID ?? []);
    const busy = await this.#ask(pids).finally(() => (this.#isAsking = false));
    const lost: WatchedSession[] = [];
    for (const [session, bytesRead] of before) {
      const silence = this.#sessions.get(session);
      if (silence === undefined || !isSilent(session, silence) || session.bytesRead !== bytesRead) continue;
      if (busy === null || session.processID === null || busy.has(session.processID)) {
        silence.nextAskMs = silence.ms + (this.#limits.askMs ?? Infinity);
      } else lost.push(session);
    }
    this.#breakOff(lost, 'does not work for this session any more: its connection was lost without a word');
  }

  /** Those that nobody uses just now took the same way: whoever got one of them next would wait as long. */
  #breakOff(lost: readonly WatchedSession[], what: string): void {
    if (lost.length === 0) return;
    const idle = [...this.#sessions.keys()].filter((session) => !session.isLent);
    for (const session of new Set([...lost, ...idle])) {
      this.remove(session);
      session.breakOff(connectionLost(what));
    }
  }
}

function isSilent(session: WatchedSession, silence: Silence): boolean {
  return session.isAwaitingAnswer && session.bytesRead === silence.bytesRead;
}

function heardNow(session: WatchedSession, { askMs = Infinity }: SilenceLimits): Silence {
  return { bytesRead: session.bytesRead, ms: 0, nextAskMs: askMs };
}

/** Whether what was sent has happened is unknown. */
function connectionLost(what: string): Error {
  return Object.assign(new Error(`Postgres ${what}`), { code: 'ETIMEDOUT' });
}
