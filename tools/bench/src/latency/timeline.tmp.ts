import { fileURLToPath } from 'node:url';
import { startTestCluster } from '@longshore/testing';
import { setTimeout as wait } from 'node:timers/promises';
const cluster = await startTestCluster({
  plugins: [fileURLToPath(new URL('./noop-task-type.ts', import.meta.url))],
  servers: { postgres: { durable: true, settings: { log_min_duration_statement: 0, log_line_prefix: '%m [%a %p] ', logging_collector: true, log_directory: '/tmp/lat', log_filename: 'pg.log', log_duration: false } } },
  env: { LONGSHORE_LEASE_TTL_MS: '6000', LONGSHORE_LEADER_TTL_MS: '5000', LONGSHORE_POLL_MS: '1000' },
});
for (let i = 0; i < 420; i++) {
  const before = Date.now();
  const b = performance.timeOrigin + performance.now();
  const task = await cluster.client.submit({ type: 'noop', meta: {} });
  const a = performance.timeOrigin + performance.now();
  await wait(60);
  if (i > 415) console.log('task', task.id, 'submit at', new Date(b).toISOString(), (b % 1000).toFixed(1), 'answered', (a - b).toFixed(1));
}
await cluster.stop();
