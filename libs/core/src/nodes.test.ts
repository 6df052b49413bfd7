import { describe, expect, test } from 'vitest';
import { nodeId } from './ids.ts';
import { eligibleNodes, nodesInScope, offersType, type NodeInfo } from './nodes.ts';

/** Nodes `1`, `2`, … by their scopes. */
const scoped = (scopes: readonly string[]): { id: string; scope: string }[] =>
  scopes.map((scope, index) => ({ id: String(index + 1), scope }));

/** The published cases of the stepped design's scope filter, and the corners between them. */
test.each<[scopes: string[], target: string, ids: string]>([
  [['background', 'background', ''], '', '1,2'],
  [['', '', ''], '', '1,2,3'],
  [['1', '', ''], '', '2,3'],
  [['1', '', ''], '1', '1'],
  [['1', '2', '2'], '1', '1'],
  [['1', '2', '2'], '2', '2,3'],
  [['', '', 'background'], 'background', '3'],
  [['1', '', 'background'], '', '3'],
  [['', '', ''], 'background', ''],
  [['1', '2'], '', ''],
  [['1', '2'], '3', ''],
  [[], '', ''],
  [['A'], 'a', ''],
])('nodes of scopes %j: target %j means %j', (scopes, target, ids) => {
  const nodes = scoped(scopes);
  expect(
    nodesInScope(nodes, target)
      .map((node) => node.id)
      .join(),
  ).toBe(ids);
});

describe('eligible nodes', () => {
  const node = (id: string, changes: Partial<NodeInfo> = {}): NodeInfo => ({
    id: nodeId(id),
    state: 'live',
    scope: '',
    slots: 4,
    types: [{ type: 'import', version: '1.0.0' }],
    ...changes,
  });
  const task = { scope: '', type: 'import', typeVersion: '1.0.0' };

  test('are the live ones in scope that offer the version, in order of their ids', () => {
    const nodes = [
      node('d'),
      node('c', { state: 'draining' }),
      node('e', { state: 'hibernating' }),
      node('b', { scope: 'other' }),
      node('f', { types: [{ type: 'import', version: '1.0.1' }] }),
      node('a'),
    ];
    const eligible = eligibleNodes(nodes, task);
    expect(eligible.nodes.map((one) => one.id)).toEqual(['a', 'd']);
    expect(eligible.none).toBeNull();
  });

  test.each<[string, NodeInfo[], Partial<typeof task>, string]>([
    ['no node at all', [], {}, 'NO_LIVE_NODE'],
    ['none that is live', [node('a', { state: 'dead' }), node('b', { state: 'stopped' })], {}, 'NO_LIVE_NODE'],
    ['none in scope', [node('a')], { scope: 'gpu' }, 'NO_NODE_IN_SCOPE'],
    ['none with the type', [node('a')], { type: 'index' }, 'NO_NODE_WITH_TYPE'],
    ['none with the version', [node('a')], { typeVersion: '2.0.0' }, 'NO_NODE_WITH_TYPE'],
  ])('%s: it says why', (_, nodes, changes, code) => {
    const eligible = eligibleNodes(nodes, { ...task, ...changes });
    expect(eligible.nodes).toEqual([]);
    expect(eligible.none?.code).toBe(code);
    expect(eligible.none?.message).toMatch(/live/);
  });

  test('background nodes that are gone leave their work to nodes without a scope', () => {
    const nodes = [node('a'), node('b', { scope: 'background', state: 'dead' })];
    expect(eligibleNodes(nodes, task).nodes.map((one) => one.id)).toEqual(['a']);
  });

  test('a type is offered by name and exact version', () => {
    expect(offersType(node('a'), 'import', '1.0.0')).toBe(true);
    expect(offersType(node('a'), 'import', '1.0')).toBe(false);
    expect(offersType(node('a', { types: [] }), 'import', '1.0.0')).toBe(false);
  });
});
