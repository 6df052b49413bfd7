import type { Attributes, HrTime, Link, SpanKind, SpanStatus } from '@opentelemetry/api';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace';
import type { Resource } from '@opentelemetry/resources';
import { spanContextOf, traceContextOf, type TraceContext } from '../trace-context.ts';

/** An ended span as plain data, to be handed from a worker thread to its process. */
export interface SpanData {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly parent: TraceContext | null;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: readonly (Pick<Link, 'attributes'> & { readonly context: TraceContext })[];
  readonly events: readonly TimedEvent[];
  readonly scope: { readonly name: string; readonly version?: string | undefined };
  readonly dropped: { readonly attributes: number; readonly events: number; readonly links: number };
}

/** What a message can carry of an ended span. */
export function spanData(span: ReadableSpan): SpanData {
  const { name, version } = span.instrumentationScope;
  return {
    name: span.name,
    kind: span.kind,
    context: traceContextOf(span.spanContext()),
    parent: span.parentSpanContext === undefined ? null : traceContextOf(span.parentSpanContext),
    startTime: span.startTime,
    endTime: span.endTime,
    duration: span.duration,
    status: span.status,
    attributes: span.attributes,
    links: span.links.map(({ context, attributes }) => ({
      context: traceContextOf(context),
      ...(attributes === undefined ? {} : { attributes }),
    })),
    events: span.events,
    scope: { name, version },
    dropped: {
      attributes: span.droppedAttributesCount,
      events: span.droppedEventsCount,
      links: span.droppedLinksCount,
    },
  };
}

/** The span again, as one of this process; null when its ids are not well formed. */
export function spanOfData(data: SpanData, resource: Resource): ReadableSpan | null {
  const own = spanContextOf(data.context);
  if (own === null) return null;
  const parent = data.parent === null ? null : spanContextOf(data.parent);
  const links = data.links.flatMap(({ context, attributes }): Link[] => {
    const target = spanContextOf(context);
    return target === null ? [] : [{ context: target, ...(attributes === undefined ? {} : { attributes }) }];
  });
  const { name, version } = data.scope;
  return {
    name: data.name,
    kind: data.kind,
    spanContext: () => own,
    ...(parent === null ? {} : { parentSpanContext: parent }),
    startTime: data.startTime,
    endTime: data.endTime,
    duration: data.duration,
    status: data.status,
    attributes: data.attributes,
    links,
    events: [...data.events],
    ended: true,
    resource,
    instrumentationScope: version === undefined ? { name } : { name, version },
    droppedAttributesCount: data.dropped.attributes,
    droppedEventsCount: data.dropped.events,
    droppedLinksCount: data.dropped.links,
  };
}
