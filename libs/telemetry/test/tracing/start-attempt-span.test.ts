import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import type { Attempt } from '../../src/attempt.ts';
import { NamedIds } from '../../src/tracing/named-ids.ts';
import { startAttemptSpan } from '../../src/tracing/start-attempt-span.ts';

const TRACE = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'vendor=1' };

/** One process with its own SDK. */
function startProcess() {
  const exporter = new InMemorySpanExporter();
  const ids = new NamedIds();
  const sampler = new ParentBasedSampler({ root: new AlwaysOnSampler() });
  const provider = new TracerProvider({
    sampler,
    idGenerator: ids,
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('test');
  const start = (changes: Partial<Attempt>) => startAttemptSpan({ tracer, ids, sampler }, attempt(changes), 1_000);
  return { start, spans: () => exporter.getFinishedSpans() };
}

function attempt(changes: Partial<Attempt>): Attempt {
  return {
    clusterId: 'c',
    taskId: '1',
    taskType: 'import',
    trace: TRACE,
    subtaskId: '7',
    kind: 'work',
    step: 'load',
    ordinal: 3,
    attempt: 1,
    nodeId: 'executor-1',
    ...changes,
  };
}

test('an attempt has the same id wherever it is told, and the next one links to it', () => {
  const [executor, manager] = [startProcess(), startProcess()];
  const started = executor.start({ attempt: 2 });
  manager.start({ attempt: 2 }).end({ outcome: 'lost', error: { code: 'NODE_LOST', message: 'node x was lost' } });
  const next = executor.start({ attempt: 3, nodeId: 'executor-2' });
  next.end({ outcome: 'succeed', rows: 5, at: 3_000 });
  const [lost] = manager.spans();
  const [span] = executor.spans();
  const spanId = started.context.traceparent.split('-')[2];
  expect(lost?.spanContext().spanId).toBe(spanId);
  expect(lost).toMatchObject({ status: { code: 2, message: 'NODE_LOST: node x was lost' } });
  expect(span?.links.map((link) => [link.context.spanId, link.attributes])).toEqual([
    [spanId, { 'longshore.link': 'previous-attempt' }],
  ]);
  expect(span).toMatchObject({
    name: 'work import/load',
    attributes: { 'longshore.subtask.outcome': 'succeed', 'longshore.subtask.rows': 5, 'longshore.step': 'load' },
    parentSpanContext: { spanId: 'b7ad6b7169203331' },
    startTime: [1, 0],
    endTime: [3, 0],
  });
  expect(span?.spanContext().traceState?.serialize()).toBe('vendor=1');
  // Never ended, so never exported: who found it lost has told it.
  expect(executor.spans()).toHaveLength(1);
});

test('a task without a trace gets one of its own, the same in every process', () => {
  const [first, second] = [startProcess(), startProcess()];
  first.start({ trace: null }).end({ outcome: 'succeed' });
  second.start({ trace: null, subtaskId: '8' }).end({ outcome: 'succeed' });
  const [one, other] = [first.spans()[0], second.spans()[0]];
  expect(one?.spanContext().traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(other?.spanContext().traceId).toBe(one?.spanContext().traceId);
  expect(other?.spanContext().spanId).not.toBe(one?.spanContext().spanId);
  expect(one?.parentSpanContext).toBeUndefined();
});

test('a trace that the client did not sample is not recorded', () => {
  const process = startProcess();
  const started = process.start({ trace: { traceparent: TRACE.traceparent.replace(/01$/, '00') } });
  started.end({ outcome: 'succeed' });
  expect(started.context.traceparent).toMatch(/-00$/);
  expect(process.spans()).toEqual([]);
});
