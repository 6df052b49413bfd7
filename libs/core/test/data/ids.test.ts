import { expect, test } from 'vitest';
import { nodeId, subtaskId, taskId } from '../../src/data/ids.ts';

const BAD_IDS = ['', '0', '-1', '01', '1.0', '1e3', ' 1', '1 ', 'one', '9223372036854775808', '10000000000000000000'];

test('ids keep all digits of 64 bits', () => {
  expect(taskId('1')).toBe('1');
  expect(taskId('9223372036854775807')).toBe('9223372036854775807');
  expect(subtaskId('9007199254740993')).toBe('9007199254740993');
});

test.each(BAD_IDS)('%j is no id', (id) => {
  expect(() => taskId(id)).toThrow(RangeError);
  expect(() => subtaskId(id)).toThrow(RangeError);
});

test.each(['a', 'node-1', 'Node_2', 'x'.repeat(128)])('%j is the name of a node', (id) => {
  expect(nodeId(id)).toBe(id);
});

test.each(['', 'a.b', 'a b', 'a*', 'a>', 'é', 'x'.repeat(129)])('%j is not: a subject could not carry it', (id) => {
  expect(() => nodeId(id)).toThrow(RangeError);
});
