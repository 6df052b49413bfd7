import { orAborted } from '@longshore/core';
import type { StepExecutor } from '@longshore/sdk';
import type { OpenContext } from './hook-context.ts';
import type { LoadedType } from './load-task-type.ts';
import type { RunSpec } from '../channel/messages.ts';

interface OpenExecutor {
  readonly taskId: string;
  readonly step: string;
  /** Rejects when its initialisation failed. */
  readonly ready: Promise<StepExecutor>;
  /** The same once it is initialised: most subtasks need not wait for it. */
  executor: StepExecutor | null;
  /** Whether the run that initialises it was asked to stop before it was ready. */
  wasStopped(): boolean;
  close(): Promise<void>;
}

/**
 * The step executors of the task that a runner works for: one per task and step, made and initialised on first use. What one
 * opens in `init` is its own and lives until the end of the task, while the subtasks that use it come and go.
 */
export class StepExecutors {
  readonly #loaded: LoadedType;
  readonly #openContext: (run: RunSpec, signal: AbortSignal) => OpenContext;
  readonly #open = new Map<string, OpenExecutor>();

  constructor(loaded: LoadedType, openContext: (run: RunSpec, signal: AbortSignal) => OpenContext) {
    this.#loaded = loaded;
    this.#openContext = openContext;
  }

  /**
   * The step executor for a run's task and step; concurrent first subtasks share one initialisation. If it fails, the next subtask tries it
   * again. If the run that initialises is stopped, one that waits takes over.
   *
   * @throws whatever `init` throws; the signal's reason once it is aborted.
   */
  async get(run: RunSpec, signal: AbortSignal): Promise<StepExecutor> {
    const key = `${run.task.id}/${run.step}`;
    for (;;) {
      const open = this.#open.get(key) ?? this.#initialise(key, run, signal);
      if (open.executor !== null) return open.executor;
      try {
        return await orAborted(open.ready, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!open.wasStopped()) throw error;
      }
    }
  }

  #initialise(key: string, run: RunSpec, signal: AbortSignal): OpenExecutor {
    const life = new AbortController();
    const stop = (): void => life.abort(signal.reason);
    const opened = this.#openContext(run, life.signal);
    const initialise = async (): Promise<StepExecutor> => {
      signal.addEventListener('abort', stop, { once: true });
      try {
        const executor = this.#loaded.type.executor.getStepExecutor(run.step, opened.context.task);
        await executor.init?.(opened.context);
        return executor;
      } catch (error) {
        this.#open.delete(key);
        await opened.close();
        throw error;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    };
    // Entered before it begins, so that a failure finds it to remove.
    const begun = Promise.withResolvers<StepExecutor>();
    const open: OpenExecutor = {
      taskId: run.task.id,
      step: run.step,
      ready: begun.promise,
      executor: null,
      wasStopped: () => life.signal.aborted,
      close: () => opened.close(),
    };
    this.#open.set(key, open);
    initialise().then((executor) => {
      open.executor = executor;
      begun.resolve(executor);
    }, begun.reject);
    // Those who wait for it get its failure, and perhaps nobody waits any more.
    open.ready.catch(() => undefined);
    return open;
  }

  /** The initialised executors of a task, of one step or of all. */
  async of(taskId: string, step?: string): Promise<readonly StepExecutor[]> {
    const open = [...this.#open.values()].filter((one) => one.taskId === taskId && (step ?? one.step) === one.step);
    const ready = await Promise.all(open.map((one) => one.ready.catch(() => null)));
    return ready.filter((executor) => executor !== null);
  }

  /** Cleans up after a task. Errors are handed to `onError`; they end nothing. */
  async endTask(taskId: string, onError: (error: unknown) => void): Promise<void> {
    for (const [key, open] of [...this.#open]) {
      if (open.taskId !== taskId) continue;
      this.#open.delete(key);
      try {
        const executor = await open.ready.catch(() => null);
        await executor?.cleanup?.();
      } catch (error) {
        onError(error);
      }
      await open.close();
    }
  }
}
