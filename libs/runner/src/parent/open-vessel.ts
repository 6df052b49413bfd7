import { openProcess } from './process-vessel.ts';
import { openThread } from './thread-vessel.ts';
import type { RunnerKind } from '../channel/runner-kind.ts';
import type { Vessel, VesselEvents, VesselOptions } from './vessel.ts';

/** Starts a vessel of a kind. What follows of it is told as events, none of them before this returns. */
export function openVessel(kind: RunnerKind, options: VesselOptions, events: VesselEvents): Vessel {
  return kind === 'process' ? openProcess(options, events) : openThread(options, events);
}
