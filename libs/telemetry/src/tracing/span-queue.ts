import { context, TraceFlags } from '@opentelemetry/api';
import { ExportResultCode, suppressTracing } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { TraceSettings } from '../telemetry-settings.ts';

export interface SpanQueueOptions extends Pick<TraceSettings, 'maxQueueSize' | 'maxBatchSize' | 'scheduleDelayMs'> {
  readonly exporter: SpanExporter;
  /** Told how many spans were lost, and why. */
  readonly onDropped: (spans: number, why: string) => void;
}

/** Part of the queue from which on the producer is asked to wait. */
const BEHIND_PART = 0.5;

/**
 * Ended spans on their way to the collector, one request at a time. Unlike the SDK's batch processor it can be asked whether it is
 * behind, so that who makes many spans waits instead of losing some. It asks nobody to wait for a collector that doesn't take
 * them: work must not stand still for telemetry.
 */
export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions;
  #waiting: ReadableSpan[] = [];
  #exporting: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Whether the last request was taken. */
  #isTaken = true;
  #isShutDown = false;
  #whenRoom: (() => void)[] = [];

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  /** More than half full, and the collector takes what it gets. */
  get isBehind(): boolean {
    return this.#isTaken && this.#waiting.length > this.#options.maxQueueSize * BEHIND_PART;
  }

  /** Resolves when the queue is not behind any more. */
  async room(): Promise<void> {
    while (this.isBehind) await new Promise<void>((resolve) => this.#whenRoom.push(resolve));
  }

  onStart(): void {
    // Only ended spans matter here.
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    this.add(span);
  }

  /** Takes an ended, sampled span. */
  add(span: ReadableSpan): void {
    const { maxQueueSize, maxBatchSize, scheduleDelayMs, onDropped } = this.#options;
    if (this.#isShutDown || this.#waiting.length >= maxQueueSize) {
      onDropped(1, this.#isShutDown ? 'the process was ending' : 'the queue was full');
      return;
    }
    this.#waiting.push(span);
    if (this.#exporting !== null) return;
    if (this.#waiting.length >= maxBatchSize) this.#startExport();
    else this.#timer ??= setTimeout(() => this.#startExport(), scheduleDelayMs).unref();
  }

  async forceFlush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#exporting !== null) {
      this.#startExport();
      await this.#exporting;
    }
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    this.#isShutDown = true;
    await this.#options.exporter.shutdown();
  }

  #startExport(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#exporting ??= this.#export().finally(() => {
      this.#exporting = null;
      // What came meanwhile waits for company again, unless there is enough of it.
      if (this.#waiting.length === 0) return;
      this.#timer ??= setTimeout(() => this.#startExport(), this.#options.scheduleDelayMs).unref();
    });
  }

  async #export(): Promise<void> {
    do {
      const batch = this.#waiting.splice(0, this.#options.maxBatchSize);
      const problem = await this.#send(batch);
      this.#isTaken = problem === null;
      if (problem !== null) this.#options.onDropped(batch.length, problem);
      for (const tell of this.#whenRoom.splice(0)) tell();
    } while (this.#waiting.length >= this.#options.maxBatchSize);
  }

  /** @returns why the batch was not taken; null: it was. */
  #send(batch: ReadableSpan[]): Promise<string | null> {
    return new Promise((resolve) => {
      context.with(suppressTracing(context.active()), () => {
        this.#options.exporter.export(batch, ({ code, error }) => {
          resolve(code === ExportResultCode.SUCCESS ? null : (error?.message ?? 'the collector refused them'));
        });
      });
    });
  }
}
