import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const FIXTURE = fileURLToPath(new URL('./fixtures/log-in-span.ts', import.meta.url));

test('a line that is written within a span has its trace, others have none', async () => {
  const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  const { stdout } = await run(process.execPath, ['--conditions=@longshore/source', FIXTURE], { env });
  const [outside, inside, spanId] = stdout.trim().split('\n');
  expect(JSON.parse(outside!)).not.toHaveProperty('trace_id');
  expect(JSON.parse(inside!)).toMatchObject({
    message: 'inside',
    service: 'owner',
    trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    span_id: spanId,
  });
});
