import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '@longshore/embedded';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { startToyCluster } from '../src/toy-cluster.ts';

const ALERTS = fileURLToPath(new URL('../../../docs/monitoring/alerts.yml', import.meta.url));

beforeAll(() => {
  for (const command of ['promtool', 'prometheus']) {
    if (spawnSync(command, ['--version']).error !== undefined) {
      throw new Error(`These tests need ${command} on PATH. On Debian: \`apt-get install prometheus\`.`);
    }
  }
});

test('promtool accepts the alert rules', () => {
  const { stdout, stderr, status } = spawnSync('promtool', ['check', 'rules', ALERTS], { encoding: 'utf8' });
  expect(stderr + stdout).toContain('rules found');
  expect(status).toBe(0);
});

test('the alerts fire when they should, and not before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-alerts-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'alerts-test.yml');
  const labels = 'service="owner", instance="a:1"';
  await writeFile(
    file,
    [
      `rule_files: ['${ALERTS}']`,
      'tests:',
      '  - interval: 30s',
      '    input_series:',
      `      - { series: 'longshore_store_connected{${labels}}', values: '1 1 0 0 0 0 0 0' }`,
      `      - { series: 'longshore_leader{lease="owner", instance="a:1"}', values: '0 1 1 1 1 1 1 1' }`,
      `      - { series: 'longshore_leader{lease="owner", instance="b:1"}', values: '1 0 0 0 0 0 0 0' }`,
      `      - { series: 'longshore_leader{lease="balancer", instance="a:1"}', values: '0 0 0 0 0 0 0 0' }`,
      '    alert_rule_test:',
      '      - { alertname: LongshoreStoreAway, eval_time: 90s }',
      '      - alertname: LongshoreStoreAway',
      '        eval_time: 150s',
      '        exp_alerts:',
      '          - exp_labels: { severity: critical, service: owner, instance: "a:1" }',
      '            exp_annotations:',
      '              summary: owner on a:1 has not reached the store for a minute',
      '              description: Running work continues, its results wait in memory, and nothing new starts. /readyz says why.',
      '      - alertname: LongshoreNobodyLeads',
      '        eval_time: 120s',
      '        exp_alerts:',
      '          - exp_labels: { severity: critical, lease: balancer }',
      '            exp_annotations:',
      '              summary: Nobody leads as balancer',
      '              description: Without an owner no task goes on, without a node-manager lost nodes keep their subtasks, without a balancer their work stays where it is.',
      '',
    ].join('\n'),
  );
  const { stdout, stderr, status } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  expect([stdout, stderr, status]).toEqual([expect.stringContaining('SUCCESS'), '', 0]);
});

interface Answer<T> {
  readonly data: T;
}

test('Prometheus scrapes a cluster, and no alert fires for a healthy one', async () => {
  const cluster = await startToyCluster();
  onTestFinished(() => cluster.stop());
  const url = await startPrometheus(cluster);
  const read = async <T>(path: string): Promise<T> =>
    ((await (await fetch(`${url}/api/v1/${path}`)).json()) as Answer<T>).data;
  const value = async (query: string): Promise<string> => {
    const { result } = await read<{ result: readonly { value: readonly [number, string] }[] }>(
      `query?query=${encodeURIComponent(query)}`,
    );
    return result[0]?.value[1] ?? 'none';
  };
  for (const [query, wanted] of [
    ['sum(up)', '4'],
    ['sum(longshore_leader)', '3'],
    ['sum(longshore_store_connected)', '4'],
    ['sum(longshore_nats_connected)', '4'],
    ['sum(longshore_nodes{state="live"})', '1'],
  ] as const) {
    await waitUntil(
      () => value(query),
      (seen) => seen === wanted,
      { what: `${query} to be ${wanted}` },
    );
  }
  interface Rule {
    readonly name: string;
    readonly health: string;
    readonly state: string;
  }
  const rules = await waitUntil(
    async () =>
      (await read<{ groups: readonly { rules: readonly Rule[] }[] }>('rules')).groups.flatMap((group) => group.rules),
    (found) => found.length > 0 && found.every((rule) => rule.health !== 'unknown'),
    { what: 'all rules to be evaluated' },
  );
  expect(rules.filter((rule) => rule.health !== 'ok' || rule.state === 'firing')).toEqual([]);
});

/** Starts a Prometheus that scrapes all processes of a cluster. Answers its URL. */
async function startPrometheus({ cluster }: TestCluster): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-prometheus-'));
  const targets = [...cluster.processes.values()].map((process) => new URL(String(process.ready['httpUrl'])).host);
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [ALERTS],
    scrape_configs: [{ job_name: 'longshore', static_configs: [{ targets }] }],
  };
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await findFreePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await waitUntil(
    () =>
      fetch(`${url}/-/ready`).then(
        (response) => response.status,
        () => 0,
      ),
    (status) => status === 200,
    { what: 'Prometheus to be ready' },
  );
  return url;
}
