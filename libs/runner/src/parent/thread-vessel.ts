import { Worker } from 'node:worker_threads';
import { passOutput } from './pass-output.ts';
import { pluginEnvironment } from './plugin-environment.ts';
import { openThreadMemory } from './thread-memory.ts';
import {
  entryUrl,
  oldGenerationMb,
  YOUNG_GENERATION_MB,
  type Vessel,
  type VesselEvents,
  type VesselOptions,
} from './vessel.ts';

/** A worker thread: starts fast, shares memory with its parent, and is warm for the next task. A native crash in it ends the executor. */
export function openThread({ setup, memoryBytes }: VesselOptions, events: VesselEvents): Vessel {
  const memory = openThreadMemory();
  const worker = new Worker(entryUrl(), {
    workerData: memory.port === null ? setup : { ...setup, memoryPort: memory.port },
    transferList: memory.port === null ? [] : [memory.port],
    name: `runner ${setup.packageName}`,
    env: pluginEnvironment(process.env),
    stdout: true,
    stderr: true,
    resourceLimits: {
      maxOldGenerationSizeMb: oldGenerationMb(memoryBytes),
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
    },
  });
  passOutput(worker.stdout, process.stdout);
  passOutput(worker.stderr, process.stderr);
  worker.on('message', events.message);
  worker.on('messageerror', events.unreadable);
  worker.on('error', events.failed);
  worker.once('exit', (code) => {
    memory.close();
    events.ended(`the worker exited with code ${code}`);
  });
  return {
    post: (message) => worker.postMessage(message),
    memory: () => memory.read(worker),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
