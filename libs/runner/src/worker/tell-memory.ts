import { getHeapStatistics } from 'node:v8';
import type { MessagePort } from 'node:worker_threads';

/** Answers whoever asks for this thread's memory; without a port nobody does. */
export function tellMemory(memoryPort: MessagePort | undefined): void {
  memoryPort?.on('message', () => {
    const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
    memoryPort.postMessage(heapBytes + externalBytes);
  });
  // To be asked is no reason to stay.
  memoryPort?.unref();
}
