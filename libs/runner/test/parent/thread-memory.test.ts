import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { openThreadMemory } from '../../src/parent/thread-memory.ts';

const TELL = new URL('../../src/worker/tell-memory.ts', import.meta.url);
const HELD_BYTES = 64 * 1024 * 1024;

test.each([true, false])('what a thread uses is read; by Node itself: %s', async (isBuiltIn) => {
  const memory = openThreadMemory(isBuiltIn);
  const held = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${JSON.stringify(TELL.href)}).then(({ tellMemory }) => {
      tellMemory(workerData.memoryPort);
      globalThis.held = Buffer.alloc(${HELD_BYTES});
      parentPort.on('message', () => undefined);
      parentPort.postMessage('ready');
    });`;
  const worker = new Worker(held, {
    eval: true,
    workerData: { memoryPort: memory.port ?? undefined },
    transferList: memory.port === null ? [] : [memory.port],
  });
  onTestFinished(() => memory.close());
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  expect(await memory.read(worker)).toBeGreaterThan(HELD_BYTES);

  await worker.terminate();
  expect(await memory.read(worker)).toBeNull();
});
