import { orAborted } from '@longshore/core';
import type { Throttle, ThrottleCost } from '@longshore/sdk';
import type { Host } from '../parent/host.ts';
import type { RunSpec } from '../channel/messages.ts';

/** A hook's way to its task's budget and gates: the executor shares them among what runs on its node. */
export function hookThrottle(host: Host, run: RunSpec, signal: AbortSignal): Throttle {
  const ask = async (cost: ThrottleCost, isBatch: boolean): Promise<void> => {
    signal.throwIfAborted();
    if (!run.isThrottled) return;
    await orAborted(host.call(run.runId, { method: 'throttle', cost, isBatch }), signal);
  };
  return { beforeBatch: (cost) => ask(cost, true), spend: (cost) => ask(cost, false) };
}
