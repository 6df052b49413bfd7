import {
  METRICS,
  NODE_METRICS,
  prometheusName,
  SPAN_ATTRIBUTES,
  SPANS,
  type MetricInfo,
  type SpanInfo,
} from '@longshore/telemetry';
import { table } from './markdown-table.ts';

/** The page of all spans, their attributes, and all metrics. */
export function telemetryPage(): string {
  const spans = Object.values<SpanInfo>(SPANS);
  const own = Object.values<MetricInfo>(METRICS).map((info) => [prometheusName(info), info] as const);
  return [
    '# Spans and metrics',
    'Services, clients and task types emit these spans and metrics. The meaning of a name never changes; new names may come. ' +
      '[Tracing a task](../tracing.md) says how to switch them on.',
    '## Spans',
    table(
      ['name', 'kind', 'by', 'what it is'],
      spans.map(({ name, kind, by, help }) => [code(name), kind, by, help]),
    ),
    "A subtask's other SQL has spans of the `pg` instrumentation (`pg.query:SELECT database`), with the attributes of the semantic " +
      'conventions for databases. A task type may add its own spans.',
    '## Attributes of spans',
    table(
      ['attribute', 'on', 'what it says'],
      Object.entries(SPAN_ATTRIBUTES).map(([name, help]) => [
        code(name),
        spans
          .filter(({ attributes }) => attributes.includes(name))
          .map((span) => code(span.name))
          .join(', ') || 'links',
        help,
      ]),
    ),
    'The resource has `service.name` (`longshore-owner`, `longshore-executor`, …), `service.namespace` (`longshore`), ' +
      '`service.instance.id`, `longshore.cluster`, and the values of `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.',
    '## Metrics',
    'Each metric is counted once and goes out in two ways: `/metrics` of each service for Prometheus, and OTLP. No label has the id of a task.',
    table(
      ['name in OTLP', 'name for Prometheus', 'type', 'unit', 'labels', 'by', 'what it counts'],
      [...own, ...Object.entries(NODE_METRICS)].map(([prometheus, { name, type, unit, labels, by, help }]) => [
        code(name),
        code(prometheus),
        type,
        code(unit),
        labels.map(code).join(', '),
        by,
        help,
      ]),
    ),
    'Prometheus also gets the other metrics of a Node process (`process_*`, `nodejs_*`). All have the label `service`. Metrics of a ' +
      'task type have the names that it gave them.',
  ].join('\n\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
