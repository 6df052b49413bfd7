import { startLoop, type WakeableLoop } from '@longshore/service';
import { saveProgress, type HeldProgress, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import type { Membership } from '../node/membership.ts';
import type { Run } from '../running/run.ts';

/** The least time between two stores of progress, in milliseconds. */
const PROGRESS_MS = 1_000;

/** How far running subtasks are, on its way to the store: one write a second for all of a node. */
export class ProgressSaver {
  readonly #store: Store;
  readonly #membership: Membership;
  readonly #onSaved: (saved: readonly Run[], lost: ReadonlySet<string>) => void;
  readonly #changed = new Set<Run>();
  readonly #loop: WakeableLoop;

  /** @param onSaved told of what was stored, and of the ids that this node has lost. */
  constructor(
    { store, logger }: { readonly store: Store; readonly logger: Logger },
    membership: Membership,
    signal: AbortSignal,
    onSaved: (saved: readonly Run[], lost: ReadonlySet<string>) => void,
  ) {
    this.#store = store;
    this.#membership = membership;
    this.#onSaved = onSaved;
    this.#loop = startLoop({
      intervalMs: PROGRESS_MS,
      round: () => this.#save(),
      onError: (error) => logger.warn({ error }, 'progress could not be stored'),
      signal,
    });
  }

  get done(): Promise<void> {
    return this.#loop.done;
  }

  /** A run has news. */
  changed(run: Run): void {
    this.#changed.add(run);
  }

  /** A run is over: its end tells how far it came. */
  ended(run: Run): void {
    this.#changed.delete(run);
  }

  async #save(): Promise<boolean> {
    const runs = [...this.#changed];
    this.#changed.clear();
    if (runs.length === 0) return false;
    const progress = runs.map((run) => ({
      id: run.claimed.id,
      attempt: run.attempt,
      rows: run.rows,
      bytes: run.bytes,
      phase: run.phase,
      summary: run.summary,
      waiting: waitingOf(run),
    }));
    this.#onSaved(runs, new Set(await saveProgress(this.#store.db, this.#membership.identity, progress)));
    return false;
  }
}

/** What a run waits for: its budget and gates come before what its hook says. */
function waitingOf({ held, waiting }: Run): HeldProgress['waiting'] {
  if (held === null) return waiting;
  return { code: held.code, message: held.message, forMs: performance.now() - held.since };
}
