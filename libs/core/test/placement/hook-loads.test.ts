import { describe, expect, test } from 'vitest';
import { nodeId, taskId } from '../../src/data/ids.ts';
import { HookLoads, LONG_HOOK_MS, nodeForHook, type NodeHook } from '../../src/placement/hook-loads.ts';

const NODES = ['a', 'b', 'c'].map(nodeId);

/** Hooks of a text: `a 4` are four of node a that wait, `a* 4` run, and `a! 4` have been running for long. */
function hooks(text: string, kind = 'plan'): NodeHook[] {
  return text.split(',').flatMap((part) => {
    const [node = '', count = '0'] = part.trim().split(' ');
    const isRunning = /[*!]/.test(node);
    const one: NodeHook = {
      kind,
      state: isRunning ? 'running' : 'pending',
      execId: node.replace(/[*!]/, ''),
      runsForMs: node.endsWith('!') ? LONG_HOOK_MS : isRunning ? 0 : null,
    };
    return Array.from({ length: Number(count) }, () => one);
  });
}

describe('a hook goes to', () => {
  test.each([
    ['the node that has the fewest', 'a 2, b* 1, c 2', '', 'b'],
    ['one of the task’s own before others', 'a 3', 'a', 'a'],
    ['another one when none of the task’s own has a place', 'a* 4, b 1', 'a', 'c'],
    ['the task’s own that has a place', 'a! 4, b 3', 'a b', 'b'],
    ['the task’s own that has the fewest where no node has a place', 'a! 4, b 4, c 5', 'b c', 'b'],
    ['another one beside hooks that take other places', 'a 1, b 1, c 0', '', 'c'],
  ])('%s', (_, loads, own, expected) => {
    const reserved = own.split(' ').filter(Boolean).map(nodeId);
    expect(nodeForHook('plan', taskId('7'), NODES, reserved, new HookLoads(hooks(loads)))).toBe(expected);
  });

  test('different nodes for different tasks, where all have as many', () => {
    const chosen = [1, 2, 3].map((id) => nodeForHook('plan', taskId(String(id)), NODES, [], new HookLoads()));
    expect(new Set(chosen)).toEqual(new Set(NODES));
  });

  test('none where there is none', () => {
    expect(nodeForHook('plan', taskId('1'), [], [], new HookLoads())).toBeNull();
  });
});

describe('places', () => {
  test('are shared by the kinds that have none of their own', () => {
    const loads = new HookLoads([
      ...hooks('a* 3', 'revert'),
      ...hooks('a 1', 'from the future'),
      ...hooks('b 9', 'tick'),
    ]);
    expect([loads.hasPlace('a', 'plan'), loads.hasPlace('b', 'plan'), loads.hasPlace('b', 'tick')]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test.each([
    ['a! 4', true],
    ['a! 5', true],
    ['a! 3, a* 1', false],
    ['a! 3, a 9', false],
    ['b! 4', false],
  ])('%s: full for long is %s', (loads, isFull) => {
    expect(new HookLoads(hooks(loads)).isFull('a', 'clean')).toBe(isFull);
  });

  test('what has ended has none', () => {
    const ended: NodeHook = { kind: 'plan', state: 'succeed', execId: 'a', runsForMs: null };
    expect(new HookLoads([ended]).of('a', 'plan')).toBe(0);
  });
});
