import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** `SpanKind` of OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** 2: error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** `service.name` of who sent it. */
  readonly service: string;
}

/** A metric as it arrived, with the attributes of its points. */
export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly service: string;
  readonly points: readonly { readonly attributes: Readonly<Record<string, unknown>>; readonly value: unknown }[];
}

/** A collector for tests: takes OTLP over HTTP in JSON (`OTEL_EXPORTER_OTLP_PROTOCOL=http/json`). */
export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** The last value of each metric of each service. */
  readonly metrics: ReadonlyMap<string, ReceivedMetric>;
  close(): Promise<void>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Resource {
  readonly resource?: { readonly attributes?: readonly KeyValue[] };
}

interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
  readonly attributes?: readonly KeyValue[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

interface PointJson {
  readonly attributes?: readonly KeyValue[];
}

interface MetricJson {
  readonly name: string;
  readonly unit?: string;
  readonly sum?: { readonly dataPoints: readonly PointJson[] };
  readonly gauge?: { readonly dataPoints: readonly PointJson[] };
  readonly histogram?: { readonly dataPoints: readonly PointJson[] };
}

interface TracesJson {
  readonly resourceSpans?: readonly (Resource & {
    readonly scopeSpans?: readonly { readonly spans?: readonly SpanJson[] }[];
  })[];
}

interface MetricsJson {
  readonly resourceMetrics?: readonly (Resource & {
    readonly scopeMetrics?: readonly { readonly metrics?: readonly MetricJson[] }[];
  })[];
}

/** Starts a receiver on a free port of this host. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const metrics = new Map<string, ReceivedMetric>();
  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => {
        if (request.url === '/v1/traces') spans.push(...readSpans(body as TracesJson));
        for (const metric of request.url === '/v1/metrics' ? readMetrics(body as MetricsJson) : []) {
          metrics.set(`${metric.service} ${metric.name}`, metric);
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      },
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    metrics,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return JSON.parse((request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString());
}

function readSpans({ resourceSpans = [] }: TracesJson): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name,
        kind: span.kind,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        status: span.status?.code ?? 0,
        attributes: plain(span.attributes),
        links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        service: serviceOf(resource),
      })),
    ),
  );
}

function readMetrics({ resourceMetrics = [] }: MetricsJson): ReceivedMetric[] {
  return resourceMetrics.flatMap(({ resource, scopeMetrics = [] }) =>
    scopeMetrics.flatMap(({ metrics = [] }) =>
      metrics.map(({ name, unit = '', sum, gauge, histogram }) => ({
        name,
        unit,
        service: serviceOf(resource),
        points: ((sum ?? gauge ?? histogram)?.dataPoints ?? []).map(({ attributes, ...value }) => ({
          attributes: plain(attributes),
          value,
        })),
      })),
    ),
  );
}

function serviceOf(resource: Resource['resource']): string {
  return String(plain(resource?.attributes)['service.name']);
}

/** Attributes as an object. OTLP in JSON has 64-bit numbers as text. */
function plain(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      'intValue' in value ? Number(value['intValue']) : Object.values(value)[0],
    ]),
  );
}
