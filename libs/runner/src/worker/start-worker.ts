import { workerData } from 'node:worker_threads';
import type { RunnerSetup } from '../channel/messages.ts';
import { openRunSpans } from './run-spans.ts';
import { tellMemory } from './tell-memory.ts';

tellMemory();

// Tracing comes first: `pg` has to be instrumented before anything imports it.
if ((workerData as RunnerSetup).isTracing === true) await openRunSpans();
await import('./worker-entry.ts');
