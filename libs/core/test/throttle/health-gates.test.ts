import { expect, test } from 'vitest';
import { decideGates, GATES_STALE_MS, type GateReading } from '../../src/throttle/health-gates.ts';

const open: GateReading = { isOpen: true, code: 'REPLICA_LAG', message: '0.1 s behind' };
const closed: GateReading = { isOpen: false, code: 'REPLICA_LAG', message: '12 s behind' };

test.each<[what: string, readings: GateReading[], ageMs: number | null, code: string | null]>([
  ['all open', [open, open], 100, null],
  ['one closed', [open, closed], 100, 'REPLICA_LAG'],
  ['never read', [], null, 'GATE_STALE'],
  ['open, but read too long ago', [open], GATES_STALE_MS + 1, 'GATE_STALE'],
  ['open, read a while ago', [open], GATES_STALE_MS, null],
])('%s', (_, readings, ageMs, code) => {
  expect(decideGates(readings, ageMs)?.code ?? null).toBe(code);
});
