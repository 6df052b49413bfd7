import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from './run-longshore.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The code of a section of the README, block by block. */
function blocksOf(section: string): readonly { readonly language: string; readonly code: string }[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const text = readme.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const blocks = text.matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return Array.from(blocks, ([, language = '', code = '']) => ({ language, code }));
}

/** A block's commands; one may go over several lines. */
const commandsOf = (code: string): readonly string[] => code.trim().split(/(?<!\\)\n/);

test('"Use it" works as it stands, pasted line by line into an empty folder', async () => {
  const [start, ...blocks] = blocksOf('Use it');
  const folder = mkdtempSync(join(tmpdir(), 'longshore-readme-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const env = { ...process.env, LONGSHORE_NATS_URL: undefined };
  // The first terminal: a Ctrl-C reaches all processes of its group.
  const dev = spawn('sh', ['-c', start!.code], {
    cwd: folder,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(dev, 'close');
  const interrupt = (): boolean => process.kill(-dev.pid!, 'SIGINT');
  onTestFinished(async () => {
    if (dev.exitCode === null && dev.signalCode === null) interrupt();
    await ended;
    rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 500 });
  });
  let said = '';
  dev.stdout.on('data', (data: Buffer) => (said += data.toString()));
  await expect.poll(() => said, { timeout: 120_000 }).toContain('the dev cluster is up');

  const outputs = new Map<string, string>();
  for (const { language, code } of blocks) {
    if (language === 'ts') {
      writeFileSync(join(folder, 'snippet.mts'), code);
      const args = ['--conditions=@longshore/source', 'snippet.mts'];
      const outcome = await startProgram(process.execPath, args, folder).ended;
      expect(outcome).toMatchObject({ code: 0, stdout: expect.stringMatching(/rows: 2\b/) as string });
      continue;
    }
    for (const command of commandsOf(code)) {
      const outcome = await startProgram('sh', ['-c', command], folder).ended;
      expect(outcome, command).toMatchObject({ code: 0 });
      outputs.set(command, outcome.stdout);
    }
  }
  const outputOf = (part: string): string => [...outputs].find(([command]) => command.includes(part))?.[1] ?? part;
  expect(outputOf('SELECT * FROM orders')).toMatch(/1 +Ada +12\.50\n2 +Grace +7\.25\n\(2 rows\)/);
  expect(outputOf('task watch')).toMatch(/^task 2 backfill succeeded/m);

  interrupt();
  await ended;
  expect(existsSync(join(folder, '.longshore', 'dev.json'))).toBe(false);
});
