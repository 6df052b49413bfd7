import { ThreadMeter, type Measurement } from '@longshore/telemetry/worker';
import { trace, type Meter, type Tracer } from '@opentelemetry/api';

const meter = new ThreadMeter();
let tracer: Tracer | null = null;

/** The meter of every hook in this thread. */
export function hookMeter(): Meter {
  return meter;
}

/** The tracer of every hook in this thread; it does nothing where tracing is off. */
export function hookTracer(packageName: string): Tracer {
  return (tracer ??= trace.getTracer(packageName));
}

/** What was measured since the last call. An observer that fails has measured nothing. */
export async function takeMeasurements(): Promise<readonly Measurement[]> {
  return meter.take().catch(() => []);
}
