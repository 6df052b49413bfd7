import type { HookContext, StepExecutor } from '@longshore/sdk';
import type { LoadedType } from './load-task-type.ts';

/** The step executors of the task that a runner works for: one per task and step, made and initialised on first use. */
export class StepExecutors {
  readonly #loaded: LoadedType;
  readonly #open = new Map<string, Promise<StepExecutor>>();

  constructor(loaded: LoadedType) {
    this.#loaded = loaded;
  }

  /** The executor of a task's step; concurrent first subtasks share one initialisation. A failed one is tried again next time. */
  get(taskId: string, step: string, context: HookContext): Promise<StepExecutor> {
    const key = `${taskId}/${step}`;
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const opening = this.#initialise(step, context);
    this.#open.set(key, opening);
    opening.catch(() => this.#open.delete(key));
    return opening;
  }

  async #initialise(step: string, context: HookContext): Promise<StepExecutor> {
    const executor = this.#loaded.type.executor.getStepExecutor(step);
    await executor.init?.(context);
    return executor;
  }

  /** Cleans up after a task. Errors are handed to `onError`; they end nothing. */
  async endTask(taskId: string, onError: (error: unknown) => void): Promise<void> {
    for (const [key, opening] of [...this.#open]) {
      if (!key.startsWith(`${taskId}/`)) continue;
      this.#open.delete(key);
      try {
        await (await opening).cleanup?.();
      } catch (error) {
        onError(error);
      }
    }
  }
}
