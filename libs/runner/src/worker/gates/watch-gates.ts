import { pause, type GateReading, type HealthGate } from '@longshore/core';
import type { TargetConnection } from '@longshore/sdk';
import type { Host } from '../../parent/host.ts';
import { readGate } from './read-gate.ts';

/** How often gates are looked at, in milliseconds. */
const LOOK_MS = 1_000;

/** The connection that a gate is read through. @throws {TaskTypeError} CONNECTION_UNKNOWN when there is none for it. */
export type GateConnection = (gate: HealthGate) => TargetConnection;

/**
 * Looks at a task's gates until it is stopped, and hands each round's readings to the executor. It is a subtask of its own because
 * only executors have credentials, and a look per subtask would load the database that it is meant to spare.
 *
 * @throws the signal's reason.
 */
export async function watchGates(
  runId: string,
  gates: readonly HealthGate[],
  connectionOf: GateConnection,
  signal: AbortSignal,
  host: Host,
): Promise<never> {
  for (;;) {
    const readings = await Promise.all(gates.map((gate) => lookAt(gate, connectionOf)));
    signal.throwIfAborted();
    await host.call(runId, { method: 'gates', readings });
    await pause(LOOK_MS, signal);
  }
}

async function lookAt(gate: HealthGate, connectionOf: GateConnection): Promise<GateReading> {
  try {
    return await readGate(gate, connectionOf(gate));
  } catch (error) {
    // The executor has no such connection.
    return { isOpen: false, code: 'GATE_UNREADABLE', message: error instanceof Error ? error.message : String(error) };
  }
}
