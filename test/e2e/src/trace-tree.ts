import { SPANS, SPAN_ATTRIBUTES, type SpanInfo } from '@longshore/telemetry';
import type { ReceivedSpan } from '@longshore/testing';

const KINDS = ['', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];

/** Parents and links that name a span which never arrived. */
export function danglingIds(spans: readonly ReceivedSpan[]): string[] {
  const known = new Set(spans.map((span) => span.spanId));
  return spans.flatMap((span) => [
    ...(span.parentSpanId === '' || known.has(span.parentSpanId) ? [] : [`${span.name}: parent ${span.parentSpanId}`]),
    ...span.links.filter((link) => !known.has(link.spanId)).map((link) => `${span.name}: link ${link.spanId}`),
  ]);
}

/** What our own spans have that the documented table hasn't: names, kinds, attributes. */
export function undocumented(spans: readonly ReceivedSpan[]): string[] {
  return spans.flatMap((span) => {
    const named = Object.values<SpanInfo>(SPANS).filter(
      ({ name, kind }) => KINDS[span.kind] === kind && patternOf(name).test(span.name),
    );
    const allowed = new Set(named.flatMap(({ attributes }) => attributes));
    if (named.length === 0) return [`${span.name} (${KINDS[span.kind] ?? ''})`];
    return Object.keys(span.attributes)
      .filter((key) => !allowed.has(key) || !(key in SPAN_ATTRIBUTES))
      .map((key) => `${span.name}: ${key}`);
  });
}

function patternOf(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/\{\w+\}/g, '[^ ]+')}$`);
}

/** The tree as text, children in order of their starts: for the message of a failed test. */
export function treeText(spans: readonly ReceivedSpan[], parent = '', indent = ''): string {
  return spans
    .filter((span) => span.parentSpanId === parent)
    .toSorted((a, b) => (a.startNs < b.startNs ? -1 : 1))
    .map((span) => {
      const note = ['subtask.id', 'subtask.attempt', 'node.id', 'subtask.outcome']
        .map((key) => span.attributes[`longshore.${key}`])
        .filter((value) => typeof value === 'string' || typeof value === 'number')
        .join(' ');
      const ms = Number((span.endNs - span.startNs) / 1_000n) / 1_000;
      const line = [span.name, note, `${ms} ms`, `[${span.service}]`].filter((part) => part !== '').join(' ');
      return `${indent}${line}\n${treeText(spans, span.spanId, `${indent}  `)}`;
    })
    .join('');
}
