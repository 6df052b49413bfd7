import { isClaimable, placeOf, placesOf, type HookLoads, type WaitReason } from '@longshore/core';
import type { ScheduledTask } from '@longshore/store';

/** Why a hook of a task waits on its node: others have been running in all places for long. Null: none waits so. */
export function waitForPlace(task: Pick<ScheduledTask, 'state' | 'controls'>, hooks: HookLoads): WaitReason | null {
  const stuck = task.controls.find(
    ({ kind, state, execId }) => state === 'pending' && isClaimable(kind, task.state) && hooks.isFull(execId, kind),
  );
  if (stuck === undefined) return null;
  const { kind, execId } = stuck;
  const message = `${kind} waits for a place on node ${execId}, which runs ${placesOf(placeOf(kind))} hooks already`;
  return { code: 'NO_PLACE', message };
}
