import { pause, type HealthGate } from '@longshore/core';
import type { HookContext } from '@longshore/sdk';
import type { Host } from '../../parent/host.ts';
import { readGate } from './read-gate.ts';

/** How often gates are looked at, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Looks at a task's gates until it is stopped, and hands each round's readings to the executor. It is a subtask of its own because
 * only executors have credentials, and a look per subtask would load the database that it is meant to spare.
 *
 * @throws the signal's reason.
 */
export async function watchGates(
  runId: string,
  gates: readonly HealthGate[],
  context: HookContext,
  host: Host,
): Promise<never> {
  for (;;) {
    const readings = await Promise.all(gates.map((gate) => lookAt(gate, context)));
    context.signal.throwIfAborted();
    await host.call(runId, { method: 'gates', readings });
    await pause(LOOK_MS, context.signal);
  }
}

async function lookAt(gate: HealthGate, context: HookContext): Promise<Awaited<ReturnType<typeof readGate>>> {
  try {
    return await readGate(gate, context.connection(gate.connection));
  } catch (error) {
    // The executor has no such connection.
    return { isOpen: false, code: 'GATE_UNREADABLE', message: error instanceof Error ? error.message : String(error) };
  }
}
