import { nodeId, taskId } from '@longshore/core';
import { expect, test } from 'vitest';
import { API } from '../src/api.ts';
import { subjects } from '../src/subjects.ts';

test('every subject lies under its cluster', () => {
  const of = subjects('prod-1');
  expect([
    of.api('task.submit'),
    of.wakeOwner,
    of.wakeBalancer,
    of.wakeNode(nodeId('n1')),
    of.controlNode(nodeId('n1')),
    of.taskEvents(taskId('42')),
  ]).toEqual([
    'longshore.v1.prod-1.api.task.submit',
    'longshore.v1.prod-1.wake.owner',
    'longshore.v1.prod-1.wake.balancer',
    'longshore.v1.prod-1.wake.node.n1',
    'longshore.v1.prod-1.ctl.node.n1',
    'longshore.v1.prod-1.events.task.42',
  ]);
});

test.each(['', 'a.b', 'a b', '*', '>', 'é', 'x'.repeat(65)])('%j is no name of a cluster', (name) => {
  expect(() => subjects(name)).toThrow(RangeError);
});

test('every method makes a subject without wildcards or spaces', () => {
  for (const method of Object.keys(API)) expect(subjects('c').api(method)).toMatch(/^[a-z0-9.]+$/);
});
