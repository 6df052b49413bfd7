import { expect, test } from 'vitest';
import { nodeLabels } from '../../src/node/node-labels.ts';

test.each([
  ['', {}],
  ['zone=a', { zone: 'a' }],
  [' zone=a , disk=ssd,', { zone: 'a', disk: 'ssd' }],
  ['gpu', { gpu: '' }],
  ['topology.kubernetes.io/zone=eu-1', { 'topology.kubernetes.io/zone': 'eu-1' }],
  ['query=a=b', { query: 'a=b' }],
])('%j are the labels %j', (text, labels) => {
  expect(nodeLabels.parse(text)).toEqual(labels);
});

test.each([
  ['=a', /expected a label/],
  ['-zone=a', /expected a label/],
  ['zo ne=a', /expected a label/],
  [`zone=${'a'.repeat(64)}`, /63/],
  ['zone=a,zone=b', /label zone twice/],
  [Array.from({ length: 65 }, (_, index) => `l${index}=1`).join(), /at most 64 labels/],
])('%j are refused', (text, message) => {
  expect(
    nodeLabels
      .safeParse(text)
      .error?.issues.map((issue) => issue.message)
      .join(),
  ).toMatch(message);
});
