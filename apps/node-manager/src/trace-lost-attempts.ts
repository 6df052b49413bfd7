import type { FreedSubtask } from '@longshore/store';
import type { Tracing } from '@longshore/telemetry';

/**
 * Tells the ends of attempts whose node can't any more. Their spans have the ids that the node gave them, so what the attempts did
 * until then hangs under them, and the next attempts' links find them.
 */
export function traceLostAttempts(tracing: Tracing, clusterId: string, freed: readonly FreedSubtask[]): void {
  for (const { id, nodeId, startedAt, ...subtask } of freed) {
    tracing
      .startAttempt({ ...subtask, clusterId, subtaskId: id, nodeId }, startedAt.getTime())
      .end({ outcome: 'lost', error: { code: 'NODE_LOST', message: `node ${nodeId} was lost` } });
  }
}
