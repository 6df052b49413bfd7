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
    'What services, clients and task types emit. Names never change their meaning; new ones may come. How to switch it on: ' +
      '[Tracing a task](../tracing.md).',
    '## Spans',
    table(
      ['name', 'kind', 'by', 'what it is'],
      spans.map(({ name, kind, by, help }) => [code(name), kind, by, help]),
    ),
    'SQL of a subtask, other than what streams its rows, has spans of the `pg` instrumentation (`pg.query:SELECT database`), with ' +
      "the semantic conventions' attributes for databases. Spans of a task type itself are its own.",
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
      '`service.instance.id`, `longshore.cluster`, and what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say.',
    '## Metrics',
    'One count, two ways out: `/metrics` of each service for Prometheus, and OTLP. No label has the id of a task.',
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
    'For Prometheus there are the other metrics of a Node process as well (`process_*`, `nodejs_*`), and all have the label ' +
      '`service`. Metrics of a task type have the names that it gave them.',
  ].join('\n\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
