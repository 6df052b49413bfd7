import { pause, toErrorData } from '@longshore/core';
import { DEFAULT_TICK_INTERVAL_MS, type HookContext, type TaskType } from '@longshore/sdk';
import { METRICS } from '@longshore/telemetry/worker';
import type { RunSpec } from '../../channel/messages.ts';
import { describeError } from '../describe-error.ts';
import { hookMeter } from '../hook-telemetry.ts';
import type { HookReports } from '../hook-context.ts';

/**
 * Calls the type's `onTick` at its interval until it is stopped. An error that may pass is logged, counted and shown as the subtask's
 * phase. What a type keeps alive outlives a few failed calls, so none of them fails the task.
 *
 * @throws the signal's reason; what `onTick` throws for good.
 */
export async function keepTicking(
  run: RunSpec,
  type: TaskType,
  context: HookContext,
  { progress, life }: Pick<HookReports, 'progress' | 'life'>,
): Promise<never> {
  const { signal, logger } = context;
  const intervalMs = type.scheduler.tickIntervalMs ?? DEFAULT_TICK_INTERVAL_MS;
  for (;;) {
    const began = performance.now();
    try {
      await type.scheduler.onTick?.(context);
      progress.phase(null);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = describeError(thrown, type, run, (message, failure) =>
        logger.warn(message, { error: toErrorData(failure) }),
      );
      if (error.permanent) throw thrown;
      countFailure(type.type);
      progress.phase(`onTick failed: ${error.code}: ${error.message}`);
      logger.warn('onTick failed, and is called again', { error });
    }
    const endRest = life.rest();
    try {
      await pause(intervalMs - (performance.now() - began), signal);
    } finally {
      endRest();
    }
  }
}

function countFailure(type: string): void {
  const { name, unit, help } = METRICS.tickFailures;
  hookMeter().createCounter(name, { unit, description: help }).add(1, { type });
}
