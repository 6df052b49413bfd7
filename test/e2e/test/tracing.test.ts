import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SubmitRequest, SubtaskView, TaskHandle } from '@longshore/client';
import {
  createLogger,
  METRICS,
  NODE_METRICS,
  startTelemetry,
  type MetricInfo,
  type Telemetry,
} from '@longshore/telemetry';
import {
  startOtlpReceiver,
  startTestCluster,
  waitUntil,
  type OtlpReceiver,
  type ReceivedSpan,
  type TestCluster,
} from '@longshore/testing';
import { trace } from '@opentelemetry/api';
import pg from 'pg';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { deadline } from '../src/toy-cluster.ts';
import { danglingIds, treeText, undocumented } from '../src/trace-tree.ts';

const ROWS = 4_000;
/** A row whose chunk waits for the test, and one whose chunk fails at the first try. */
const HELD_ROW = 1_000;
const FAILING_ROW = 3_000;
const LOCK = 4_711;

let root: string;
let receiver: OtlpReceiver;
let telemetry: Telemetry;
let cluster: TestCluster;
let database: pg.Client;
let lines: string[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longshore-tracing-'));
  const rows = Array.from({ length: ROWS }, (_, index) => `${index},${'x'.repeat(100)}\n`);
  await writeFile(join(root, 'rows.csv'), `id,text\n${rows.join('')}`);
  receiver = await startOtlpReceiver();
  // The exporters read the process's environment, and the cluster's processes inherit it.
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiver.url;
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
  process.env['OTEL_METRIC_EXPORT_INTERVAL'] = '500';
  telemetry = await startTelemetry({
    env: process.env,
    service: 'application',
    instance: 'test',
    cluster: 'test',
    logger: createLogger('silent', {}),
    metrics: new Registry(),
  });
  lines = [];
  cluster = await startTestCluster({
    plugins: ['@longshore/plugin-import'],
    executors: 3,
    settings: { import: { roots: [root] } },
    connectStoreAs: 'target',
    onLine: (_, line) => lines.push(line),
  });
  database = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  database.on('error', () => undefined);
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await cluster.stop();
  await telemetry.shutdown();
  await receiver.close();
  await rm(root, { recursive: true, force: true });
});
beforeEach(() => onTestFailed(() => console.error(`${treeText(receiver.spans)}\n${cluster.logs()}`)));

/** A table that holds one row back until the lock is free, and refuses another one once, as a busy server does. */
async function createHinderedTable(): Promise<void> {
  await database.query(`
    DROP TABLE IF EXISTS traced;
    CREATE TABLE traced (id int, text text);
    DROP SEQUENCE IF EXISTS tries;
    CREATE SEQUENCE tries;
    CREATE OR REPLACE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.id = ${HELD_ROW} THEN PERFORM pg_advisory_xact_lock_shared(${LOCK}); END IF;
      IF NEW.id = ${FAILING_ROW} AND nextval('tries') = 1 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER hinder BEFORE INSERT ON traced FOR EACH ROW EXECUTE FUNCTION hinder()`);
}

function submitInSpan(request: Partial<SubmitRequest> = {}): Promise<{ task: TaskHandle; traceId: string }> {
  return trace.getTracer('application').startActiveSpan('nightly load', async (span) => {
    const task = await cluster.client.submit({
      type: 'import',
      ...request,
      meta: {
        connection: 'target',
        table: 'traced',
        files: join(root, 'rows.csv'),
        header: true,
        chunkBytes: 65_536,
      },
    });
    span.end();
    return { task, traceId: span.spanContext().traceId };
  });
}

const spansOf = (traceId: string): ReceivedSpan[] => receiver.spans.filter((span) => span.traceId === traceId);

async function subtasksOf(task: TaskHandle): Promise<SubtaskView[]> {
  const subtasks: SubtaskView[] = [];
  for await (const subtask of task.subtasks()) subtasks.push(subtask);
  return subtasks;
}

const attemptsOf = (subtaskId: string): ReceivedSpan[] =>
  receiver.spans
    .filter((span) => span.attributes['longshore.subtask.id'] === subtaskId)
    .toSorted((a, b) => attemptOf(a) - attemptOf(b));
const attemptOf = (span: ReceivedSpan): number => Number(span.attributes['longshore.subtask.attempt']);
const outcomesOf = (spans: readonly ReceivedSpan[]): unknown[] =>
  spans.map((span) => span.attributes['longshore.subtask.outcome']);

describe('the trace of an import with a kill and a retry', () => {
  let subtasks: SubtaskView[];
  let spans: ReceivedSpan[];
  let taskId: string;
  let traceId: string;
  let heldId: string;
  let killed: string;

  it('arrives whole', async () => {
    await createHinderedTable();
    await database.query(`SELECT pg_advisory_lock(${LOCK})`);
    const submitted = await submitInSpan();
    ({ traceId } = submitted);
    const { task } = submitted;
    taskId = task.id;
    // All chunks but one are loaded, and the spans of all that has ended have arrived.
    const held = await waitUntil(
      async () => {
        const all = await subtasksOf(task);
        const loads = all.filter((one) => one.step === 'load' && one.kind === 'work');
        const left = loads.filter((one) => one.state !== 'succeed');
        // Hooks and failed attempts too: what ended on the node that is killed would be lost with it.
        const areExported = all.every(
          (one) => attemptsOf(one.id).length >= one.attempt - (one.state === 'running' ? 1 : 0),
        );
        return { loads: loads.length, left, areExported };
      },
      ({ loads, left, areExported }) => loads > 3 && left.length === 1 && left[0]?.state === 'running' && areExported,
      { what: 'one chunk that waits' },
    );
    heldId = held.left[0]!.id;
    killed = held.left[0]!.node!;
    const process = cluster.cluster.processes.get(killed)!;
    process.kill('SIGKILL');
    await process.exited;
    await waitUntil(
      () => outcomesOf(attemptsOf(heldId)),
      (outcomes) => outcomes.includes('lost'),
      {
        what: 'the span of the lost attempt',
      },
    );
    await database.query(`SELECT pg_advisory_unlock(${LOCK})`);
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { rows: ROWS } });
    subtasks = await subtasksOf(task);
    const attempts = subtasks.reduce((sum, subtask) => sum + subtask.attempt, 0);
    await waitUntil(
      () => subtasks.reduce((sum, subtask) => sum + attemptsOf(subtask.id).length, 0),
      (arrived) => arrived >= attempts,
      { what: `the spans of ${attempts} attempts` },
    );
    spans = spansOf(traceId);
  });

  it('is one trace without an orphan', () => {
    const ofTask = receiver.spans.filter((span) => span.attributes['longshore.task.id'] === taskId);
    expect(new Set(ofTask.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(danglingIds(spans)).toEqual([]);
    expect(spans.filter((span) => span.parentSpanId === '').map((span) => span.name)).toEqual(['nightly load']);
    expect(new Set(spans.map((span) => span.spanId)).size).toBe(spans.length);
  });

  it('has every attempt of every subtask once, under the submit, linked to the one before', () => {
    const submit = spans.find((span) => span.name === 'submit import')!;
    for (const subtask of subtasks) {
      const attempts = attemptsOf(subtask.id);
      expect(attempts.map(attemptOf)).toEqual(Array.from({ length: subtask.attempt }, (_, index) => index + 1));
      for (const [index, span] of attempts.entries()) {
        expect(span.parentSpanId).toBe(submit.spanId);
        expect(span.links.map((link) => link.spanId)).toEqual(index === 0 ? [] : [attempts[index - 1]!.spanId]);
      }
      expect(outcomesOf(attempts).at(-1)).toBe('succeed');
    }
    expect(new Set(subtasks.map((subtask) => subtask.kind))).toEqual(new Set(['prepare', 'plan', 'work', 'finish']));
  });

  it('tells of the killed attempt and of the retry', () => {
    const [lost] = attemptsOf(heldId);
    expect(lost).toMatchObject({
      service: 'longshore-node-manager',
      status: 2,
      attributes: { 'longshore.subtask.outcome': 'lost', 'longshore.node.id': killed, 'error.type': 'NODE_LOST' },
    });
    const retried = spans.filter((span) => span.attributes['longshore.subtask.outcome'] === 'retry');
    expect(retried).toMatchObject([
      { status: 2, name: 'work import/load', attributes: { 'longshore.subtask.attempt': 1 } },
    ]);
  });

  it('has the SQL of each subtask under it', () => {
    const loads = spans.filter(
      (span) => span.name === 'work import/load' && span.attributes['longshore.subtask.outcome'] === 'succeed',
    );
    for (const load of loads) {
      const sql = spans.filter((span) => span.parentSpanId === load.spanId);
      expect(sql.filter((span) => span.name === 'COPY')).toHaveLength(1);
      expect(sql.filter((span) => span.name.startsWith('pg.query:COMMIT'))).toHaveLength(1);
      for (const span of sql) expect(span.attributes['db.system.name']).toBe('postgresql');
    }
  });

  it('has no name, kind or attribute that is not documented', () => {
    const own = spans.filter((span) => !span.name.startsWith('pg') && span.name !== 'nightly load');
    expect(undocumented(own)).toEqual([]);
  });
});

it('a subtask that its budget keeps waiting has a span that says so', async () => {
  await createHinderedTable();
  const { task, traceId } = await submitInSpan({ throttle: { rows: ROWS / 2 } });
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed' });
  const spans = await waitUntil(
    () => spansOf(traceId),
    (found) => found.some((span) => span.name === 'finish import'),
    { what: 'the span of the last hook' },
  );
  const waits = spans.filter((span) => span.name === 'waiting THROTTLED');
  const loads = spans.filter((span) => span.name === 'work import/load').map((span) => span.spanId);
  expect(waits).not.toEqual([]);
  for (const wait of waits) {
    expect(loads).toContain(wait.parentSpanId);
    expect(wait.attributes['longshore.waiting.message']).toBe(`the task's budget is ${ROWS / 2} rows/s`);
    expect(wait.endNs).toBeGreaterThan(wait.startNs);
  }
  expect(undocumented(waits)).toEqual([]);
});

describe('an import that is canceled', () => {
  let task: TaskHandle;
  let traceId: string;
  beforeAll(async () => {
    await createHinderedTable();
    await database.query(`SELECT pg_advisory_lock(${LOCK})`);
    ({ task, traceId } = await submitInSpan());
    await waitUntil(
      async () => (await subtasksOf(task)).filter((one) => one.step === 'load' && one.state === 'succeed').length,
      (loaded) => loaded > 0,
      { what: 'a loaded chunk' },
    );
    await task.cancel();
    await database.query(`SELECT pg_advisory_unlock(${LOCK})`);
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted' });
  });

  it('has its revert in the same trace, and its canceled work', async () => {
    const spans = await waitUntil(
      () => spansOf(traceId),
      (found) => found.some((span) => span.name === 'revert import'),
      { what: 'the span of the revert' },
    );
    expect(outcomesOf(spans)).toContain('cancel');
    expect(danglingIds(spans)).toEqual([]);
  });

  it('is named on every log line of its hooks', async () => {
    const line = await waitUntil(
      () => lines.find((text) => text.includes('removed the loaded rows')),
      (found) => found !== undefined,
      { what: 'the log line of the revert' },
    );
    expect(JSON.parse(line!)).toMatchObject({
      service: 'executor',
      task_id: task.id,
      trace_id: traceId,
      subtask_id: expect.stringMatching(/^\d+$/),
      attempt: 1,
      node: expect.stringMatching(/^executor-\d$/),
    });
  });

  it('is counted, by OTLP and for Prometheus alike, and every metric is documented', async () => {
    const known = new Map<string, MetricInfo>(
      [...Object.values(METRICS), ...Object.values(NODE_METRICS)].map((info) => [info.name, info]),
    );
    const wanted = ['longshore.subtask.duration', 'longshore.slots', 'longshore.lease.losses', 'process.cpu.time'];
    await waitUntil(
      () => [...receiver.metrics.keys()],
      (keys) => wanted.every((name) => keys.includes(`longshore-executor ${name}`)),
      { what: 'the metrics of an executor' },
    );
    for (const metric of receiver.metrics.values()) {
      const info = known.get(metric.name);
      expect(info, metric.name).toMatchObject({ unit: metric.unit });
      for (const { attributes } of metric.points)
        expect(info!.labels).toEqual(expect.arrayContaining(Object.keys(attributes)));
    }
    const live = (await cluster.client.nodes()).filter((node) => node.state === 'live');
    const pages = live.map(async ({ id }) => {
      const url = String(cluster.cluster.processes.get(id)?.ready['httpUrl']);
      return (await fetch(`${url}/metrics`)).text();
    });
    const text = (await Promise.all(pages)).join('\n');
    expect(text).toMatch(/longshore_slots\{state="free",service="executor"\} \d/);
    expect(text).toMatch(
      /longshore_subtask_duration_seconds_count\{service="executor",type="import",kind="\w+",outcome="\w+"\} \d/,
    );
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
  });
});
