import { expect, test } from 'vitest';
import { readCommands } from '../src/read-commands.ts';

test.each<[text: string, words: string[][]]>([
  ['npx longshore task list   # all of them', [['longshore', 'task', 'list']]],
  ['a --set x=\'1 # 2\' \\\n  --set y="$PWD/b"', [['a', '--set', 'x=1 # 2', '--set', 'y=$PWD/b']]],
  [
    'npm ci && npm run demo',
    [
      ['npm', 'ci'],
      ['npm', 'run', 'demo'],
    ],
  ],
  [
    "jq '.a | .b' x.json | longshore submit import",
    [
      ['jq', '.a | .b', 'x.json'],
      ['longshore', 'submit', 'import'],
    ],
  ],
  ['\n# nothing\n', []],
])('%j', (text, words) => {
  expect(readCommands(text).map((command) => command.words)).toEqual(words);
});

test('variables before a command are its environment', () => {
  expect(readCommands('A=1 B_C=\'{"x":2}\'  longshore-executor --slots 2')).toEqual([
    { env: { A: '1', B_C: '{"x":2}' }, words: ['longshore-executor', '--slots', '2'] },
  ]);
});
