import { readFileSync } from 'node:fs';
import { METRICS, prometheusName, type MetricInfo } from '@longshore/telemetry';
import { expect, test } from 'vitest';

const page = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

/** Names of a metric as Prometheus stores it: a histogram has three. */
function seriesOf(info: MetricInfo): readonly string[] {
  const name = prometheusName(info);
  return info.type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

const known = new Map(Object.values<MetricInfo>(METRICS).flatMap((info) => seriesOf(info).map((name) => [name, info])));
/** What Prometheus adds to each series. */
const ADDED = ['service', 'instance', 'job', 'le'];

/** Checks the metrics of an expression, and the labels that it names. */
function check(expression: string): void {
  const names = expression.match(/longshore_\w+/g) ?? [];
  expect(names).not.toEqual([]);
  const labels = new Set(ADDED);
  for (const name of names) {
    const info = known.get(name);
    expect(info, `${name} is no metric`).toBeDefined();
    for (const label of info?.labels ?? []) labels.add(label);
  }
  const named = [...expression.matchAll(/by \(([^)]+)\)|\{(\w+)=/g)].flatMap((match) =>
    (match[1] ?? match[2] ?? '').split(', '),
  );
  for (const label of named) expect([...labels], `a label of ${expression}`).toContain(label);
}

const alerts = page('monitoring/alerts.yml');

test('each panel of the dashboard asks for metrics and labels that there are', () => {
  const { panels } = JSON.parse(page('monitoring/grafana-dashboard.json')) as Dashboard;
  expect(panels.length).toBeGreaterThan(0);
  for (const { targets } of panels) for (const { expr } of targets) check(expr);
});

test('each alert asks for metrics and labels that there are, and the page of monitoring lists it', () => {
  const expressions = [...alerts.matchAll(/^ +expr: (.*)$/gm)].map((match) => match[1] ?? '');
  for (const expression of expressions) check(expression);
  const names = [...alerts.matchAll(/- alert: (\w+)/g)].map((match) => match[1] ?? '');
  expect(names).toHaveLength(expressions.length);
  const listed = [...page('monitoring.md').matchAll(/^\| `(Longshore\w+)`/gm)].map((match) => match[1] ?? '');
  expect(listed).toEqual(names);
});
