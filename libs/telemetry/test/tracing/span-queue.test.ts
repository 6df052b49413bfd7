import { ROOT_CONTEXT } from '@opentelemetry/api';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { AlwaysOffSampler, TracerProvider, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { SpanQueue } from '../../src/tracing/span-queue.ts';

/** A collector that answers when it is told to. */
class Collector implements SpanExporter {
  readonly requests: { readonly spans: ReadableSpan[]; readonly answer: (result: ExportResult) => void }[] = [];
  isShutDown = false;

  export(spans: ReadableSpan[], answer: (result: ExportResult) => void): void {
    this.requests.push({ spans, answer });
  }

  shutdown(): Promise<void> {
    this.isShutDown = true;
    return Promise.resolve();
  }

  answerAll(code = ExportResultCode.SUCCESS): void {
    for (const { answer } of this.requests.splice(0)) answer({ code });
  }
}

function start(options: { maxQueueSize?: number; maxBatchSize?: number; sampler?: AlwaysOffSampler } = {}) {
  const collector = new Collector();
  const dropped: [number, string][] = [];
  const queue = new SpanQueue({
    exporter: collector,
    maxQueueSize: options.maxQueueSize ?? 10,
    maxBatchSize: options.maxBatchSize ?? 2,
    scheduleDelayMs: 60_000,
    onDropped: (spans, why) => dropped.push([spans, why]),
  });
  const provider = new TracerProvider({
    spanProcessors: [queue],
    ...(options.sampler === undefined ? {} : { sampler: options.sampler }),
  });
  const tracer = provider.getTracer('test');
  const end = (count: number): void => {
    for (let index = 0; index < count; index++) tracer.startSpan(`span ${index}`, {}, ROOT_CONTEXT).end();
  };
  return { collector, queue, dropped, end };
}

test('a full batch leaves at once, one request at a time', async () => {
  const { collector, queue, end } = start();
  end(5);
  expect(collector.requests.map(({ spans }) => spans.length)).toEqual([2]);
  collector.answerAll();
  await expect.poll(() => collector.requests.map(({ spans }) => spans.length)).toEqual([2]);
  collector.answerAll();
  // The rest waits for company; a flush doesn't.
  const flushed = queue.forceFlush();
  await expect.poll(() => collector.requests.map(({ spans }) => spans.length)).toEqual([1]);
  collector.answerAll();
  await flushed;
});

test('a producer that is ahead of the collector is asked to wait, and loses nothing', async () => {
  const { collector, queue, dropped, end } = start();
  end(8);
  expect(queue.isBehind).toBe(true);
  let hasRoom = false;
  const room = queue.room().then(() => (hasRoom = true));
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  collector.answerAll();
  await room;
  expect(dropped).toEqual([]);
});

test('nobody waits for a collector that takes nothing: what does not fit is dropped and counted', async () => {
  const { collector, queue, dropped, end } = start();
  end(8);
  const room = queue.room();
  collector.answerAll(ExportResultCode.FAILED);
  await room;
  expect(queue.isBehind).toBe(false);
  expect(dropped).toEqual([[2, 'the collector refused them']]);
  end(20);
  expect(dropped.at(-1)).toEqual([1, 'the queue was full']);
});

test('a shutdown sends what is left', async () => {
  const { collector, queue, end } = start({ maxBatchSize: 5 });
  end(3);
  const over = queue.shutdown();
  await expect.poll(() => collector.requests.length).toBe(1);
  collector.answerAll();
  await over;
  expect(collector.isShutDown).toBe(true);
});

test('a span that is not sampled is not sent', () => {
  const { collector, end } = start({ sampler: new AlwaysOffSampler() });
  end(4);
  expect(collector.requests).toEqual([]);
});
