import type { Registry } from 'prom-client';
import type { Logger } from './create-logger.ts';

/** Who sends. */
export interface TelemetryIdentity {
  /** `owner`, `executor`, …: becomes the service's name `longshore-owner`, unless `OTEL_SERVICE_NAME` says otherwise. */
  readonly service: string;
  /** This process among the replicas of its service. */
  readonly instance: string;
  readonly cluster: string;
}

export interface TelemetryOptions extends TelemetryIdentity {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** What `/metrics` serves, to be sent by OTLP as well. */
  readonly metrics: Registry;
}
