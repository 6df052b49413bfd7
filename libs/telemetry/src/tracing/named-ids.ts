import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace';

/** Random ids, unless the next span was given its own. */
export class NamedIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #traceId: string | null = null;
  #spanId: string | null = null;

  /** Runs `start` synchronously; the first span that it starts gets these ids. */
  naming<T>(traceId: string, spanId: string, start: () => T): T {
    this.#traceId = traceId;
    this.#spanId = spanId;
    try {
      return start();
    } finally {
      this.#traceId = null;
      this.#spanId = null;
    }
  }

  /** Asked for only where a span has no parent. */
  generateTraceId(): string {
    const id = this.#traceId ?? this.#random.generateTraceId();
    this.#traceId = null;
    return id;
  }

  generateSpanId(): string {
    const id = this.#spanId ?? this.#random.generateSpanId();
    this.#spanId = null;
    return id;
  }
}
