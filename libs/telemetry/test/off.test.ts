import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const FIXTURE = fileURLToPath(new URL('./fixtures/off.ts', import.meta.url));

async function load(env: Record<string, string>): Promise<{ isTracing: boolean; sdk: string[] }> {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_'));
  const options = { env: { ...Object.fromEntries(others), ...env } };
  const { stdout } = await run(process.execPath, ['--conditions=@longshore/source', FIXTURE], options);
  return JSON.parse(stdout) as { isTracing: boolean; sdk: string[] };
}

test('without an exporter nothing of an SDK is loaded', async () => {
  expect(await load({})).toEqual({ isTracing: false, sdk: [] });
});

test('with one it is', async () => {
  const { isTracing, sdk } = await load({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
  expect(isTracing).toBe(true);
  expect(sdk.some((url) => url.includes('/sdk-trace/'))).toBe(true);
});
