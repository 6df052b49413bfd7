import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startOtlpReceiver } from '@longshore/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { packPackages } from '../src/pack-packages.ts';
import { LEAST_NODE } from '../src/published-manifest.ts';
import { publishedPackages } from '../src/published-packages.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);
const published = publishedPackages(ROOT);

/** A folder with every package installed from its tarball, as a user has it, and one with the oldest Node. */
let folder: string;
let oldest: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-packed-'));
  // Run by root, the embedded Postgres is another user, which must get at its binaries here.
  chmodSync(folder, 0o755);
  const tarballs = packPackages(ROOT, join(folder, 'tarballs'));
  await install(join(folder, 'app'), tarballs);
  const node = `node-${process.platform}-${process.arch}`;
  await install(join(folder, 'oldest'), [`${node}@${LEAST_NODE}.0`]);
  oldest = join(folder, 'oldest', 'node_modules', node, 'bin', 'node');
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 500 }));

async function install(to: string, packages: readonly string[]): Promise<void> {
  mkdirSync(to);
  writeFileSync(join(to, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], { cwd: to });
}

const bin = (name: string): string => join(folder, 'app', 'node_modules', '.bin', name);

test('each published package says which Node it needs', () => {
  expect(published.length).toBeGreaterThan(15);
  for (const { manifest } of published) {
    const path = join(folder, 'app', 'node_modules', manifest.name, 'package.json');
    expect(JSON.parse(readFileSync(path, 'utf8')), manifest.name).toMatchObject({ engines: { node: '>=22.12' } });
  }
});

describe.each([
  [LEAST_NODE, () => oldest],
  ['24', () => process.execPath],
])('under Node %s', (version, nodeOf) => {
  test('it is that Node', async () => {
    expect((await run(nodeOf(), ['--version'])).stdout).toMatch(new RegExp(`^v${version}\\.`));
  });

  test.each(['longshore', 'longshore-owner', 'longshore-node-manager', 'longshore-balancer', 'longshore-executor'])(
    '%s shows its help',
    async (name) => {
      expect((await run(nodeOf(), [bin(name), '--help'])).stdout).toContain(`Usage: ${name}`);
    },
  );

  test('a development cluster imports a file, and traces it down to the SQL', async () => {
    const collector = await startOtlpReceiver();
    onTestFinished(() => collector.close());
    const work = mkdtempSync(join(folder, 'work-'));
    chmodSync(work, 0o755);
    writeFileSync(
      join(work, 'orders.csv'),
      `id,item\n${Array.from({ length: 1000 }, (_, i) => `${i},item ${i}`).join('\n')}\n`,
    );
    const dev = spawn(nodeOf(), [bin('longshore'), 'dev', '--executors', '1', '--json'], {
      cwd: work,
      stdio: 'pipe',
      env: {
        ...process.env,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      },
    });
    onTestFinished(() => end(dev));
    await firstOutput(dev);

    const { databaseUrl } = JSON.parse(readFileSync(join(work, '.longshore', 'dev.json'), 'utf8')) as {
      databaseUrl: string;
    };
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('create table orders (id bigint primary key, item text)');
    const settings = ['connection=dev', 'table=orders', `files=${join(work, '*.csv')}`, 'header=true'];
    const submit = ['submit', 'import', '--wait', ...settings.flatMap((setting) => ['--set', setting])];
    const { stdout } = await run(nodeOf(), [bin('longshore'), ...submit], { cwd: work });
    expect(stdout).toContain('succeeded');
    expect((await client.query('select count(*)::int as rows from orders')).rows).toEqual([{ rows: 1000 }]);
    await expect
      .poll(() => collector.spans.some((span) => span.attributes['db.system.name'] === 'postgresql'))
      .toBe(true);
  }, 180_000);
});

/** Resolves when the process has printed something; rejects with all that it said when it ends first. */
async function firstOutput(child: ChildProcess): Promise<void> {
  let errors = '';
  child.stderr!.on('data', (data: Buffer) => (errors += data.toString()));
  const ended = once(child, 'close').then(() => Promise.reject(new Error(`it ended: ${errors}`)));
  await Promise.race([once(child.stdout!, 'data'), ended]);
  // Its end is expected from here on.
  ended.catch(() => undefined);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGINT');
  await once(child, 'close');
}
