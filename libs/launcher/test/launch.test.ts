import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const LAUNCH = fileURLToPath(new URL('../src/launch.cjs', import.meta.url));
/** Says under which Node it runs; with an argument it stays until the process that started it ends, or ends as told. */
const MAIN = `
const [how] = process.argv.slice(2);
if (how !== undefined) setInterval(() => undefined, 1000);
if (how === 'catch') process.on('SIGTERM', () => (console.log('ended by SIGTERM'), process.exit(3)));
process.on('disconnect', () => process.exit());
process.channel?.unref();
console.log(process.version + (process.channel === undefined ? ' here' : ' child'));
`;

/** What npm does at a SIGTERM: it and its shell end, and what they started is told nothing. */
const NPM = `
const { spawn } = require('child_process');
const env = { ...process.env, npm_lifecycle_event: 'npx' };
spawn(process.execPath, process.argv.slice(2), { stdio: ['ignore', 'inherit', 'inherit'], env });
`;

interface Program {
  /** What the launcher believes its own Node to be; the child always tells the truth. */
  readonly version: string;
  readonly hasNodeBeside?: boolean;
  readonly isCheckout?: boolean;
  readonly args?: readonly string[];
  /** Whether npm starts it; the child process that `start` gives is npm then. */
  readonly isOfNpm?: boolean;
}

/** Starts a program of a package that stands in a folder of its own. */
function start({ version, hasNodeBeside, isCheckout, args = [], isOfNpm }: Program): ChildProcess {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-launcher-'));
  const place = (path: string, content: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    return join(folder, path);
  };
  place('package.json', '{ "type": "module" }');
  place(isCheckout ? 'src/main.ts' : 'dist/main.js', MAIN);
  const bin = place(
    'bin/program.cjs',
    `require(${JSON.stringify(LAUNCH)}).launch({ name: 'program', package: require('path').dirname(__dirname), refusal: 9 });`,
  );
  const pretended = place('version.cjs', `Object.defineProperty(process, 'version', { value: '${version}' });`);
  if (hasNodeBeside) {
    mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
    symlinkSync(process.execPath, join(folder, 'node_modules', '.bin', 'node'));
  }
  const npm = isOfNpm === true ? [place('npm.cjs', NPM)] : [];
  const child = spawn(process.execPath, [...npm, '--require', pretended, bin, ...args], { stdio: 'pipe' });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  return child;
}

const HERE = { code: 0, stderr: '', stdout: expect.stringMatching(/ here\n$/) };
const CHILD = { code: 0, stderr: '', stdout: `${process.version} child\n` };
const REFUSED = {
  code: 9,
  stdout: '',
  stderr: expect.stringMatching(/^error NODE_NOT_FOUND: program needs Node .*\n$/),
};

test.each([
  { version: 'v8.17.0', expected: REFUSED },
  { version: 'v20.20.2', expected: REFUSED },
  { version: 'v20.20.2', hasNodeBeside: true, expected: CHILD },
  { version: 'v22.11.0', expected: REFUSED },
  { version: 'v22.12.0', expected: HERE },
  { version: 'v22.12.0', hasNodeBeside: true, expected: CHILD },
  { version: 'v24.0.0', expected: HERE },
  { version: 'v26.10.0', hasNodeBeside: true, expected: HERE },
  { version: 'v20.20.2', isCheckout: true, expected: REFUSED },
  { version: 'v22.12.0', isCheckout: true, expected: REFUSED },
  { version: 'v20.20.2', isCheckout: true, hasNodeBeside: true, expected: CHILD },
  { version: 'v24.21.0', isCheckout: true, expected: CHILD },
])(
  'started with $version, checkout $isCheckout, Node 24 beside it $hasNodeBeside',
  async ({ expected, ...program }) => {
    const child = start(program);
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    expect({ code, stdout, stderr }).toEqual(expected);
  },
);

test('the refusal is one line that says what to do', async () => {
  expect(await text(start({ version: 'v20.20.2' }).stderr!)).toBe(
    'error NODE_NOT_FOUND: program needs Node 22.12 or later; this is v20.20.2, and no Node 24 is installed beside it. ' +
      'Install a later Node and start program with it.\n',
  );
});

test('a signal reaches the child, whose exit code is the program’s', async () => {
  const child = start({ version: 'v20.20.2', hasNodeBeside: true, args: ['catch'] });
  await once(child.stdout!, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([3, null]);
});

test('a child that a signal ends ends the program by the same signal', async () => {
  const child = start({ version: 'v20.20.2', hasNodeBeside: true, args: ['stay'] });
  await once(child.stdout!, 'data');
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
});

test('the child ends when the program is killed', async () => {
  const child = start({ version: 'v20.20.2', hasNodeBeside: true, args: ['stay'] });
  await once(child.stdout!, 'data');
  child.kill('SIGKILL');
  // The child holds the other end of the stream: it closes when the child has ended.
  await once(child.stdout!, 'close');
});

test.each([
  { version: 'v20.20.2', hasNodeBeside: true },
  { version: 'v24.21.0', hasNodeBeside: false },
])('the program ends in order when the npm that started it is ended, as $version', async (program) => {
  const npm = start({ ...program, args: ['catch'], isOfNpm: true });
  const says = text(npm.stdout!);
  await once(npm.stdout!, 'data');
  npm.kill('SIGTERM');
  // The program holds the other end of the stream: it closes when the program has ended.
  expect(await says).toMatch(/ended by SIGTERM\n$/);
});
