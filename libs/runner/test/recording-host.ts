import type { ErrorData } from '@longshore/core';
import type { Measurement, SpanData } from '@longshore/telemetry';
import type { HostCall, RunnerHost, RunEnd, RunProgress, Settled } from '../src/index.ts';

type LogLine = readonly [level: string, message: string, fields: Readonly<Record<string, unknown>>];
type ProgressReport = readonly RunProgress[];

/** An executor's side of a runner that keeps what it was told. */
export class RecordingHost implements RunnerHost {
  readonly calls: HostCall[] = [];
  readonly logs: LogLine[] = [];
  readonly progressReports: { readonly atMs: number; readonly runs: ProgressReport }[] = [];
  readonly settlements = new Map<string, Settled>();
  /** Ends as they came together. */
  readonly endMessages: (readonly RunEnd[])[] = [];
  readonly crashes: ErrorData[] = [];
  /** How often the runner was looked at with nothing that ran in it. */
  checks = 0;
  readonly measurements: Measurement[] = [];
  readonly spansByRun = new Map<string, readonly SpanData[]>();
  /** How calls are answered. */
  answer: (runId: string, call: HostCall) => Promise<unknown> = () => Promise.resolve(null);
  readonly #changed = new Set<() => void>();

  call(runId: string, call: HostCall): Promise<unknown> {
    this.calls.push(call);
    const answer = this.answer(runId, call);
    this.#tell();
    return answer;
  }

  progress(runs: ProgressReport): void {
    this.progressReports.push({ atMs: performance.now(), runs });
    this.#tell();
  }

  settled(ends: readonly RunEnd[]): void {
    for (const { runId, settled } of ends) {
      if (this.settlements.has(runId)) throw new Error(`run ${runId} was settled twice`);
      this.settlements.set(runId, settled);
    }
    this.endMessages.push(ends);
    this.#tell();
  }

  checked(): void {
    this.checks += 1;
    this.#tell();
  }

  spans(runId: string, spans: readonly SpanData[]): void {
    this.spansByRun.set(runId, [...(this.spansByRun.get(runId) ?? []), ...spans]);
    this.#tell();
  }

  measured(measurements: readonly Measurement[]): void {
    this.measurements.push(...measurements);
    this.#tell();
  }

  log(_: string, ...line: LogLine): void {
    this.logs.push(line);
    this.#tell();
  }

  crashed(error: ErrorData): void {
    this.crashes.push(error);
    this.#tell();
  }

  /** Waits for a state of this record; says on failure what it is. */
  async until<T>(what: string, read: () => T | undefined | false, deadlineMs = 60_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const value = read();
        if (value === undefined || value === false) return;
        clearTimeout(timer);
        this.#changed.delete(look);
        resolve(value);
      };
      const timer = setTimeout(() => {
        this.#changed.delete(look);
        const { calls, logs, settlements, crashes } = this;
        const state = JSON.stringify({ calls, logs, settlements: [...settlements], crashes }).slice(0, 4_000);
        reject(new Error(`waited ${deadlineMs} ms until ${what}; the record is ${state}`));
      }, deadlineMs);
      this.#changed.add(look);
      look();
    });
  }

  settlement(runId: string, deadlineMs?: number): Promise<Settled> {
    return this.until(`run ${runId} is settled`, () => this.settlements.get(runId), deadlineMs);
  }

  #tell(): void {
    for (const look of [...this.#changed]) look();
  }
}
