import { resourceFromAttributes } from '@opentelemetry/resources';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Measurement } from '../../src/metrics/measurement.ts';
import { histogramOf } from '../../src/metrics/instruments.ts';
import { METRICS, prometheusName, type MetricInfo } from '../../src/metrics/metric-table.ts';
import { RegistryProducer } from '../../src/metrics/registry-producer.ts';
import { threadMetricInfo, ThreadMetrics } from '../../src/metrics/thread-metrics.ts';

const measurement = (changes: Partial<Measurement>): Measurement => ({
  name: 'pieces',
  kind: 'counter',
  unit: '{piece}',
  help: 'Pieces.',
  attributes: { 'piece.size': 'large' },
  values: [2],
  ...changes,
});

test('what task types measure is served for Prometheus and sent by OTLP', async () => {
  const registry = new Registry();
  const refused: string[] = [];
  const metrics = new ThreadMetrics(registry, (name) => refused.push(name));
  metrics.take([measurement({}), measurement({ values: [3] }), measurement({ attributes: { 'piece.size': 'small' } })]);
  metrics.take([
    measurement({ name: 'longshore.slots' }),
    measurement({ kind: 'gauge', name: 'depth', unit: '' }),
    measurement({ kind: 'gauge', name: 'depth', unit: '', values: [7] }),
  ]);
  const text = await registry.metrics();
  expect(text).toContain('pieces_total{piece_size="large"} 5');
  expect(text).toContain('pieces_total{piece_size="small"} 2');
  expect(text).toContain('depth{piece_size="large"} 7');
  expect(refused).toEqual(['longshore.slots']);

  const producer = new RegistryProducer(registry, resourceFromAttributes({}), (name) =>
    threadMetricInfo(registry, name),
  );
  const { resourceMetrics } = await producer.collect();
  expect(resourceMetrics.scopeMetrics[0]?.metrics).toMatchObject([
    { descriptor: { name: 'pieces', unit: '{piece}' }, dataPoints: [{ value: 5 }, { value: 2 }] },
    { descriptor: { name: 'depth' }, dataPoints: [{ value: 7 }] },
  ]);
});

test('a histogram has the same content by both doors', async () => {
  const registry = new Registry();
  registry.setDefaultLabels({ service: 'executor' });
  const histogram = histogramOf(registry, 'subtaskDuration');
  for (const value of [0.002, 0.003, 70, 5_000]) {
    histogram.observe({ type: 'import', kind: 'work', outcome: 'succeed' }, value);
  }
  const infos = new Map(Object.values<MetricInfo>(METRICS).map((info) => [prometheusName(info), info]));
  const producer = new RegistryProducer(registry, resourceFromAttributes({}), (name) => infos.get(name));
  const { resourceMetrics } = await producer.collect();
  expect(resourceMetrics.scopeMetrics[0]?.metrics).toMatchObject([
    {
      descriptor: { name: 'longshore.subtask.duration', unit: 's' },
      dataPoints: [
        {
          attributes: { type: 'import', kind: 'work', outcome: 'succeed' },
          value: {
            count: 4,
            sum: 5_070.005,
            buckets: {
              boundaries: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300, 1_800],
              counts: [0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 1],
            },
          },
        },
      ],
    },
  ]);
  expect(await registry.metrics()).toContain('longshore_subtask_duration_seconds_bucket{le="0.005"');
});
