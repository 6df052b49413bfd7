import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { findFreePort } from '@longshore/embedded';
import { nkeys } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { connectBus } from '../src/index.ts';
import { describeBus } from './bus-suite.ts';
import type { ServerOptions, ServerUnderTest } from './server-under-test.ts';

const searchPath = [process.env['LONGSHORE_NATS_SERVER'], process.env['PATH']].filter((each) => each !== undefined);
const env = { ...process.env, PATH: searchPath.join(delimiter) };
if (spawnSync('nats-server', ['--version'], { env }).error !== undefined) {
  throw new Error(
    'These tests need a nats-server, which is neither on PATH nor in the folder LONGSHORE_NATS_SERVER. ' +
      'On Debian: `apt-get install nats-server`.',
  );
}

async function startNatsServer(options: ServerOptions = {}): Promise<ServerUnderTest> {
  const { port = await findFreePort(), token, nkey, maxPayloadBytes } = options;
  const folder = mkdtempSync(join(tmpdir(), 'nats-server-'));
  const settings = [
    `listen: 127.0.0.1:${port}`,
    ...(token === undefined ? [] : [`authorization: { token: "${token}" }`]),
    ...(nkey === undefined ? [] : [`authorization: { users: [{ nkey: ${nkey} }] }`]),
    ...(maxPayloadBytes === undefined ? [] : [`max_payload: ${maxPayloadBytes}`]),
  ];
  writeFileSync(join(folder, 'nats.conf'), settings.join('\n'));
  const child = spawn('nats-server', ['-c', join(folder, 'nats.conf')], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (line.includes('Server is ready')) resolve();
    });
    void exited.then(() => reject(new Error(`nats-server ended:\n${lines.join('\n')}`)));
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

describeBus('a nats-server', startNatsServer);

test('an nkey logs in with the seed in its file, and a service with another one ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nkeys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const newUser = (name: string): { nkey: string; nkeyFile: string } => {
    const pair = nkeys.createUser();
    const nkeyFile = join(folder, name);
    writeFileSync(nkeyFile, `${new TextDecoder().decode(pair.getSeed())}\n`);
    return { nkey: pair.getPublicKey(), nkeyFile };
  };
  const [known, unknown] = [newUser('known'), newUser('unknown')];
  const server = await startNatsServer({ nkey: known.nkey });
  onTestFinished(() => server.stop());
  const options = { servers: server.url, cluster: 'test', name: 'test', waitForServer: true };
  const bus = await connectBus({ ...options, nkeyFile: known.nkeyFile });
  await bus.flush();
  await bus.close();
  await expect(connectBus({ ...options, nkeyFile: unknown.nkeyFile })).rejects.toThrow(/authorization/i);
});
