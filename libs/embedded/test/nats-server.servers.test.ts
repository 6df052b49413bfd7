import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { findFreePort } from '../src/index.ts';
import { readLines } from '../src/read-lines.ts';
import { describeClient } from './conformance/client-suite.ts';
import { describeProtocol } from './conformance/raw-suite.ts';
import type { ServerOptions, ServerUnderTest } from './conformance/server-under-test.ts';

const searchPath = [process.env['LONGSHORE_NATS_SERVER'], process.env['PATH']].filter((each) => each !== undefined);
const env = { ...process.env, PATH: searchPath.join(delimiter) };
if (spawnSync('nats-server', ['--version'], { env }).error !== undefined) {
  throw new Error(
    'These tests compare with a real nats-server, which is neither on PATH nor in the folder LONGSHORE_NATS_SERVER. ' +
      'On Debian: `apt-get install nats-server`, or without root `apt-get download nats-server && dpkg -x ' +
      'nats-server_*.deb nats` and LONGSHORE_NATS_SERVER=$PWD/nats/usr/sbin.',
  );
}

async function startNatsServer(options: ServerOptions = {}): Promise<ServerUnderTest> {
  const { port = await findFreePort(), token, maxPayloadBytes, maxPendingBytes, pingIntervalMs } = options;
  const folder = mkdtempSync(join(tmpdir(), 'nats-server-'));
  const settings = [
    `listen: 127.0.0.1:${port}`,
    ...(token === undefined ? [] : [`authorization: { token: "${token}" }`]),
    ...(maxPayloadBytes === undefined ? [] : [`max_payload: ${maxPayloadBytes}`]),
    ...(maxPendingBytes === undefined ? [] : [`max_pending: ${maxPendingBytes}`]),
    ...(pingIntervalMs === undefined ? [] : [`ping_interval: "${pingIntervalMs}ms"`]),
  ];
  writeFileSync(join(folder, 'nats.conf'), settings.join('\n'));
  const child = spawn('nats-server', ['-c', join(folder, 'nats.conf')], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const lines: string[] = [];
    readLines(child.stderr, (line) => {
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

describeProtocol(startNatsServer);
describeClient(startNatsServer);
