import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * One configuration for every package. Tests run from sources through the workspace's source condition, so nothing has
 * to be built first. `--mode servers` selects the tests that need servers of their own (`*.servers.test.ts`).
 */
export default defineConfig(({ mode }) => ({
  ssr: { resolve: { conditions: ['@longshore/source'] } },
  test: {
    environment: 'node',
    include: mode === 'servers' ? ['test/**/*.servers.test.ts'] : ['test/**/*.test.ts'],
    exclude: mode === 'servers' ? [] : ['**/*.servers.test.ts'],
    passWithNoTests: true,
    // Starting an embedded Postgres takes a second; a test that waits for a cluster has deadlines of its own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    execArgv: ['--conditions=@longshore/source'],
    // Tests start some hundreds of processes: each is up in half of the time when it need not compile what others have compiled.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node-compile', import.meta.url)) },
  },
}));
