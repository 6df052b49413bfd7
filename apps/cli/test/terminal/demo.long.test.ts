import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TestTerminal } from './test-terminal.ts';

const DEMO = fileURLToPath(new URL('../../../../tools/demo/src/main.ts', import.meta.url));

test('the demo ends with its bars, what became of the import and the proof, each once', async () => {
  const terminal = TestTerminal.start([DEMO, '--rows', '60000', '--executors', '2'], tmpdir());
  await terminal.shows(/^task 1 import: /m);
  await terminal.resize(70, 20);
  expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  await terminal.shows(/^proof +holds/m);
  const lines = await terminal.lines();
  const once = [
    /^starting Postgres, a broker, /,
    /^making a CSV file of 60,000 rows$/,
    /^task 1 import: succeed/,
    /^ {2}scan +█+ 100% /,
    /^ {2}load +█+ 100% /,
    /^ {2}verify █+ 100% /,
    /^task 1 import succeeded after /,
    /^rows loaded +60,000 of 60,000$/,
    /^file +/,
    /^killed +/,
    /^lost work running again +/,
    /^subtasks re-run +/,
    /^checksum of what was made +/,
    /^checksum of the table +/,
    /^proof +holds/,
  ];
  // Beside these there is an empty line, and what was said of the kill if the import wasn't over before.
  const others = lines.filter((line) => line !== '' && !/^killed executor-\d \(process \d+\) with SIGKILL$/.test(line));
  expect(others).toEqual(once.map((line) => expect.stringMatching(line) as string));
});
