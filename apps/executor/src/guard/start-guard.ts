import { isCrash, killAt, monotonicMs, NEW_STATE, type GuardMessage, type GuardState } from './guard-state.ts';

// The guard of an executor, as a process of its own: what blocks, stops or ends the executor doesn't touch it.

/** Signals that reach all processes of a terminal or a service at once. The guard ends when its executor has. */
const SIGNALS_OF_GROUPS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let state: GuardState = NEW_STATE;
let store: Extract<GuardMessage, { readonly kind: 'store' }> | null = null;
let timer: NodeJS.Timeout | undefined;

for (const signal of SIGNALS_OF_GROUPS) process.on(signal, () => undefined);
process.on('message', (message: GuardMessage) => {
  if (message.kind === 'store') store = message;
  else state = message.state;
  arm();
});
process.once('disconnect', () => void executorEnded());

/** Looks again at the moment at which the executor would have to be ended. */
function arm(): void {
  clearTimeout(timer);
  const at = killAt(state);
  // What the executor has said meanwhile is read first.
  if (at !== null) timer = setTimeout(() => setImmediate(endOverlapping), Math.max(0, at - monotonicMs()));
}

/**
 * The lease is over for longer than the executor's main thread would need to end what may not overlap. That thread must be blocked, or the
 * whole process stands still: it is ended from outside, before somebody else may start that work.
 */
function endOverlapping(): void {
  const at = killAt(state);
  // An id that is not our parent's any more may be anybody's.
  if (at === null || store === null || process.ppid !== store.executorPid) return;
  if (monotonicMs() < at) {
    arm();
    return;
  }
  process.stderr.write(
    `the guard ends executor ${state.node?.id ?? ''}: its lease is over, and ${state.held} non-idempotent subtasks still run\n`,
  );
  kill(store.executorPid);
}

async function executorEnded(): Promise<void> {
  const at = monotonicMs();
  clearTimeout(timer);
  for (const pid of state.processes) kill(pid);
  if (store !== null && state.node !== null && isCrash(state, at)) {
    // Not before it is needed: the guard of an executor that lives is as small as Node allows.
    const { noteCrash } = await import('./note-crash.ts');
    await noteCrash(store.databaseUrl, state.node);
  }
  process.exit(0);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
