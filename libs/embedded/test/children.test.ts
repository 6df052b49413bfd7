import { describe, expect, test } from 'vitest';

import { startChild, type ChildProcessHandle, type StartChildOptions } from '../src/index.ts';
import { isAlive } from './is-alive.ts';

const entry = new URL('./fixtures/child.ts', import.meta.url);

function start(mode: string, options: Partial<StartChildOptions> = {}): Promise<ChildProcessHandle> {
  return startChild({ name: 'fixture', entry, args: [mode], ...options });
}

describe('startChild', () => {
  test('resolves with what the child says about itself', async () => {
    const lines: string[] = [];
    const child = await start('ready', {
      args: ['ready', 'more'],
      env: { FIXTURE: 'set', HOME: undefined },
      onLine: (line, stream) => lines.push(`${stream}: ${line}`),
    });
    expect(child.ready).toMatchObject({ argv: ['ready', 'more'], env: { FIXTURE: 'set', LONGSHORE_PARENT_FD: '3' } });
    expect(child.ready['env']).not.toHaveProperty('HOME');
    await child.stop();
    expect(lines).toContain('stdout: mode ready');
  });

  test('passes on the conditions this process runs with', async () => {
    const child = await start('ready');
    expect(child.ready['execArgv']).toContain('--conditions=@longshore/source');
    await child.stop();
  });

  test('stops with SIGTERM, and twice is once', async () => {
    const child = await start('ready');
    const exits = await Promise.all([child.stop(), child.stop(), child.exited]);
    expect(exits).toEqual(Array(3).fill({ code: null, signal: 'SIGTERM' }));
    child.kill('SIGKILL');
  });

  test('kills a child that does not stop within the grace', async () => {
    const child = await start('stubborn');
    expect(await child.stop(50)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test("rejects with the child's own code when it reports a failure", async () => {
    await expect(start('failed')).rejects.toMatchObject({
      code: 'FIXTURE_REFUSED',
      message: expect.stringContaining('the fixture refuses to start') as string,
      output: ['mode failed'],
    });
  });

  test('rejects with the last output when the child ends first', async () => {
    await expect(start('exits')).rejects.toMatchObject({
      code: 'EMBEDDED_CHILD_FAILED',
      message: expect.stringContaining('with code 7') as string,
      output: expect.arrayContaining(['giving up']) as string[],
    });
  });

  test('rejects when the main module does not exist', async () => {
    await expect(start('ready', { entry: '/nowhere/main.js' })).rejects.toMatchObject({
      code: 'EMBEDDED_CHILD_FAILED',
    });
  });

  test('rejects when the process cannot be spawned', async () => {
    await expect(start('ready', { cwd: '/nowhere' })).rejects.toMatchObject({ code: 'EMBEDDED_CHILD_FAILED' });
  });

  test('ends a child that is not ready in time', async () => {
    const late = start('silent', { readyTimeoutMs: 500 });
    await expect(late).rejects.toMatchObject({ code: 'EMBEDDED_CHILD_READY_TIMEOUT' });
  });

  test('an abort ends a start under way', async () => {
    const stop = new AbortController();
    const start1 = start('silent', { signal: stop.signal, onLine: () => stop.abort(new Error('not wanted any more')) });
    await expect(start1).rejects.toThrow('not wanted any more');
  });

  test('a child leads its own process group, so that a Ctrl-C of the terminal passes it by', async () => {
    const child = await start('ready');
    process.kill(-child.pid, 'SIGKILL');
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(isAlive(child.pid)).toBe(false);
  });
});
