import { describe, expect, test } from 'vitest';
import { nodeId } from '../../src/data/ids.ts';
import { eligibleNodes, nodesInScope, offersType, type NodeInfo, type PlacedTask } from '../../src/placement/nodes.ts';

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
  [['', '', '', ''], '', '1,2,3,4'],
  [['', 'background', ''], '', '2'],
  [['background', '', 'background'], '', '1,3'],
  [[...Array<string>(5).fill('lab'), ...Array<string>(5).fill('')], 'lab', '1,2,3,4,5'],
  [['', '', 'lab', 'lab', 'lab', 'lab', '', 'other', 'other', ''], 'lab', '3,4,5,6'],
  [['', '', 'lab', 'lab', 'lab', 'lab', '', 'other', 'other', ''], 'other', '8,9'],
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
    labels: {},
    slots: 4,
    types: [{ type: 'import', version: '1.0.0' }],
    ...changes,
  });
  const task = { scope: '', type: 'import', typeVersion: '1.0.0' };

  test('are the live ones in scope that offer a compatible version, in order of their ids', () => {
    const nodes = [
      node('d'),
      node('c', { state: 'draining' }),
      node('e', { state: 'hibernating' }),
      node('b', { scope: 'other' }),
      node('f', { types: [{ type: 'import', version: '0.9.0' }] }),
      node('a'),
    ];
    const eligible = eligibleNodes(nodes, task);
    expect(eligible.nodes.map((one) => one.id)).toEqual(['a', 'd']);
    expect(eligible.none).toBeNull();
  });

  test.each<[string, NodeInfo[], Partial<PlacedTask>, string]>([
    ['no node at all', [], {}, 'NO_LIVE_NODE'],
    ['none that is live', [node('a', { state: 'dead' }), node('b', { state: 'stopped' })], {}, 'NO_LIVE_NODE'],
    ['none in scope', [node('a')], { scope: 'gpu' }, 'NO_NODE_IN_SCOPE'],
    ['none with the type', [node('a')], { type: 'index' }, 'NO_NODE_WITH_TYPE'],
    ['none with the version', [node('a')], { typeVersion: '2.0.0' }, 'NO_NODE_WITH_TYPE'],
    ['none with the labels', [node('a')], { selectors: [{ label: 'disk', op: 'exists' }] }, 'NO_NODE_FITS'],
    ['none that its type allows', [node('a')], { placement: { nodeIds: ['b'] } }, 'NO_NODE_FITS'],
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

  const zones = [
    node('a', { labels: { zone: 'north' } }),
    node('b', { labels: { zone: 'north', disk: 'ssd' } }),
    node('c', { labels: { zone: 'south', disk: 'ssd' } }),
    node('d'),
  ];

  test.each<[string, Partial<PlacedTask>, string]>([
    ['no selector', { selectors: [] }, 'a,b,c,d'],
    ['one', { selectors: [{ label: 'zone', op: '=', value: 'north' }] }, 'a,b'],
    [
      'two',
      {
        selectors: [
          { label: 'zone', op: '=', value: 'north' },
          { label: 'disk', op: 'exists' },
        ],
      },
      'b',
    ],
    ['one that nodes without the label fit', { selectors: [{ label: 'zone', op: '!=', value: 'north' }] }, 'c,d'],
    ['node ids of the type', { placement: { nodeIds: ['d', 'b', 'gone'] } }, 'b,d'],
    ['labels of the type', { placement: { labels: [{ label: 'disk', op: '=', value: 'ssd' }] } }, 'b,c'],
    ['a type that allows all', { placement: {} }, 'a,b,c,d'],
    [
      'both',
      { selectors: [{ label: 'zone', op: 'in', values: ['south', 'north'] }], placement: { nodeIds: ['c', 'd'] } },
      'c',
    ],
  ])('%s', (_, changes, ids) => {
    expect(
      eligibleNodes(zones, { ...task, ...changes })
        .nodes.map((one) => one.id)
        .join(),
    ).toBe(ids);
  });

  test('the scope is decided before the selectors: background nodes that do not fit are still the scope', () => {
    const nodes = [node('a', { labels: { disk: 'ssd' } }), node('b', { scope: 'background' })];
    const { none } = eligibleNodes(nodes, { ...task, selectors: [{ label: 'disk', op: 'exists' }] });
    expect(none?.code).toBe('NO_NODE_FITS');
  });

  test('the selector that leaves no node is named', () => {
    const selectors: PlacedTask['selectors'] = [
      { label: 'zone', op: '=', value: 'north' },
      { label: 'disk', op: 'in', values: ['hdd', 'tape'] },
    ];
    expect(eligibleNodes(zones, { ...task, selectors }).none?.message).toMatch(/"disk in \(hdd, tape\)" together with/);
  });

  test('a type that allows no node is named', () => {
    const { none } = eligibleNodes(zones, { ...task, placement: { nodeIds: [] } });
    expect(none?.message).toMatch(/^import allows the current step on none of the 4 live nodes/);
  });

  test('versions that are offered instead are named, oldest first', () => {
    const offers = (...versions: string[]): Partial<NodeInfo> => ({
      types: versions.map((version) => ({ type: 'import', version })),
    });
    const nodes = [node('a', offers('2.0.0', '1.9.0')), node('b', offers('1.10.0', '2.0.0'))];
    const { none } = eligibleNodes(nodes, { ...task, typeVersion: '1.12.0' });
    expect(none?.code).toBe('NO_NODE_WITH_TYPE');
    expect(none?.message).toMatch(/import@1\.12\.0 .* \(offered: 1\.9\.0, 1\.10\.0, 2\.0\.0\)/);
  });

  test('while a fleet is upgraded, a task runs on nodes of its own version and on those that are done', () => {
    const nodes = [
      node('a', { types: [{ type: 'import', version: '1.0.0' }] }),
      node('b', { types: [{ type: 'import', version: '1.1.0' }] }),
      node('c', { types: [{ type: 'import', version: '2.0.0' }] }),
    ];
    const at = (typeVersion: string): string[] =>
      eligibleNodes(nodes, { ...task, typeVersion }).nodes.map(({ id }) => id);
    expect(at('1.0.0')).toEqual(['a', 'b']);
    // What was submitted for the new version is not run by old code.
    expect(at('1.1.0')).toEqual(['b']);
  });

  test('a type is offered by name and compatible version', () => {
    expect(offersType(node('a'), 'import', '1.0.0')).toBe(true);
    expect(offersType(node('a'), 'import', '1.0.1')).toBe(false);
    expect(offersType(node('a'), 'import', '1.0')).toBe(false);
    expect(offersType(node('a', { types: [] }), 'import', '1.0.0')).toBe(false);
  });
});
