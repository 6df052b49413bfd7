import { openPort } from './runner-port.ts';
import { openRunSpans } from './run-spans.ts';
import { tellMemory } from './tell-memory.ts';

const port = await openPort();
tellMemory(port.memoryPort);

// Tracing comes first: `pg` has to be instrumented before anything imports it.
if (port.setup.isTracing === true) await openRunSpans(port);
await import('./worker-entry.ts');
