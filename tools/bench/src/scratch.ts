import { fileURLToPath } from 'node:url';
import { startTestCluster } from '@longshore/testing';
import pg from 'pg';
const N = Number(process.argv[2] ?? 300);
const cluster = await startTestCluster({
  plugins: [fileURLToPath(new URL('./latency/noop-task-type.ts', import.meta.url))],
  servers: { postgres: { durable: true, settings: process.env.LOGSQL ? { log_min_duration_statement: 0, log_line_prefix: '%m %a %p ', logging_collector: 'on', log_directory: '/tmp/pglog-perf', log_filename: 'pg.log', log_file_mode: '0644' } : {} } },
  env: { LONGSHORE_LEASE_TTL_MS: '6000', LONGSHORE_LEADER_TTL_MS: '5000', LONGSHORE_POLL_MS: '1000' },
});
const database = new pg.Client({ connectionString: cluster.cluster.databaseUrl }); await database.connect();
const out: number[] = [];
for (let i = 0; i < N; i++) {
  const before = performance.timeOrigin + performance.now();
  const task = await cluster.client.submit({ type: 'noop', meta: {} });
  const submitted = performance.timeOrigin + performance.now();
  await new Promise((r) => setTimeout(r, 60));
  for (;;) { const { tasks } = await cluster.client.list({}); if (tasks.length === 0) break; }
  const { rows } = await database.query(`SELECT result FROM longshore.subtask_history WHERE task_id = $1 AND kind = 'work'`, [task.id]);
  out.push(rows[0].result - before);
  if (i === N - 1) console.log('LAST', new Date(before).toISOString(), (submitted - before).toFixed(2), out.at(-1)!.toFixed(2));
}
const s = out.slice(N / 2).sort((a, b) => a - b);
console.log('p50', s[s.length >> 1]!.toFixed(2), 'p10', s[(s.length * 0.1) | 0]!.toFixed(2));
await database.end(); await cluster.stop();
