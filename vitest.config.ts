import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests that `npm test` leaves to a target of their own: those that need real servers, and those that take minutes. */
const MODES = ['servers', 'long'];

/**
 * One configuration for every package. Tests run from sources through the workspace's source condition, so nothing has
 * to be built first. `--mode servers` selects the tests that need servers of their own (`*.servers.test.ts`), `--mode long`
 * slow faults and soaks (`*.long.test.ts`).
 */
export default defineConfig(({ mode }) => ({
  ssr: { resolve: { conditions: ['@longshore/source'] } },
  test: {
    environment: 'node',
    include: MODES.includes(mode) ? [`test/**/*.${mode}.test.ts`] : ['test/**/*.test.ts'],
    exclude: MODES.includes(mode) ? [] : MODES.map((name) => `**/*.${name}.test.ts`),
    passWithNoTests: true,
    // Only a hang reaches these: on a busy machine a test may take ten times as long. Waits within a test have deadlines of their own.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    execArgv: ['--conditions=@longshore/source'],
    // Tests start some hundreds of processes: each is up in half of the time when it need not compile what others have compiled.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node-compile', import.meta.url)) },
  },
}));
