import { startBroker, type Broker } from '@longshore/embedded';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectLongshore, type LongshoreClient } from '../src/index.ts';
import { FakeOwner } from './fake-owner.ts';

/** An application that traces itself. */
const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
let broker: Broker;
let owner: FakeOwner;
let client: LongshoreClient;

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
});
afterAll(() => {
  trace.disable();
  context.disable();
});
beforeEach(async () => {
  exporter.reset();
  broker = await startBroker();
  owner = await FakeOwner.start(broker.url, 'test');
  client = await connectLongshore({ servers: broker.url, cluster: 'test', requestTimeoutMs: 200 });
});
afterEach(async () => {
  await client.close();
  await owner.bus.close();
  await broker.stop();
});

const submitInSpan = (type: string): Promise<unknown> =>
  trace.getTracer('application').startActiveSpan('nightly', async (span) => {
    try {
      return await client.submit({ type, meta: {} });
    } finally {
      span.end();
    }
  });

test('a submit is a span within the active one, retries included, and the task goes on from it', async () => {
  owner.unansweredSubmits = 1;
  await submitInSpan('toy');
  const [submit, nightly] = exporter.getFinishedSpans();
  expect(submit).toMatchObject({
    name: 'submit toy',
    parentSpanContext: { spanId: nightly?.spanContext().spanId },
    attributes: { 'longshore.task.type': 'toy', 'longshore.task.id': '1' },
  });
  const { traceId, spanId } = submit!.spanContext();
  const traceparent = `00-${traceId}-${spanId}-01`;
  expect(owner.traces).toEqual([{ traceparent }, { traceparent }]);
});

test('a refused submit is a failed span with the code', async () => {
  await expect(submitInSpan('nope')).rejects.toMatchObject({ code: 'TYPE_UNKNOWN' });
  expect(exporter.getFinishedSpans()[0]).toMatchObject({
    status: { code: 2 },
    attributes: { 'error.type': 'TYPE_UNKNOWN' },
  });
});
