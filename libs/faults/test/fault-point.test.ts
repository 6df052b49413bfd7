import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FAULTS_VARIABLE, type Fault } from '../src/index.ts';

test('whoever is held goes on when the file is removed, and nobody else is held', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-held-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const once = join(folder, 'held');
  vi.stubEnv(FAULTS_VARIABLE, JSON.stringify([{ at: 'claim.before', do: 'hold', once }] satisfies Fault[]));
  // The variable is read once, when the module is loaded.
  vi.resetModules();
  const { faultPoint } = await import('../src/index.ts');
  let isHeld = true;
  const held = faultPoint('claim.before')?.then(() => (isHeld = false));
  await expect.poll(() => existsSync(once)).toBe(true);
  await faultPoint('claim.before');
  expect(isHeld).toBe(true);
  await rm(once);
  await held;
});
