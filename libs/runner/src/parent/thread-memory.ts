import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';

/** Reads how much memory a worker thread uses. */
export interface ThreadMemory {
  /** Goes to the thread as `memoryPort` of its data, in the transfer list; null: the thread isn't asked. */
  readonly port: MessagePort | null;
  /** Bytes of its heap and of buffers outside; null: the thread is ending. A thread that is busy may answer late. */
  read(worker: Worker): Promise<number | null>;
  close(): void;
}

/**
 * @param isBuiltIn whether `Worker` has `getHeapStatistics` (Node 22.16 and later), which interrupts the thread. Otherwise
 * the thread itself answers, between two of its turns; a thread that never yields is bounded by its heap's limit alone.
 */
export function openThreadMemory(isBuiltIn = 'getHeapStatistics' in Worker.prototype): ThreadMemory {
  return isBuiltIn ? { port: null, read: readBuiltIn, close: () => undefined } : openAsking();
}

function readBuiltIn(worker: Worker): Promise<number | null> {
  return worker.getHeapStatistics().then(
    (heap) => heap.used_heap_size + heap.external_memory,
    () => null,
  );
}

function openAsking(): ThreadMemory {
  const { port1, port2 } = new MessageChannel();
  let answer: ((bytes: number | null) => void) | undefined;
  let isClosed = false;
  port1.on('message', (bytes: unknown) => answer?.(typeof bytes === 'number' ? bytes : null));
  port1.on('close', () => {
    isClosed = true;
    answer?.(null);
  });
  port1.unref();
  return {
    port: port2,
    read: () =>
      new Promise((resolve) => {
        if (isClosed) resolve(null);
        answer = resolve;
        port1.postMessage(null);
      }),
    close: () => port1.close(),
  };
}
