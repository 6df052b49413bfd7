import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import { buildProgram } from 'longshore';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { readCommands } from '../src/read-commands.ts';
import { readSnippets } from '../src/read-snippets.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const ROWS = 2_000;

/** Commands that a page shows and this test leaves out, each with its reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'longshore dev': 'the cluster of this test stands for it; apps/cli/test/dev.test.ts runs it',
  'longshore dev --plugin ./slug-backfill.ts': 'plugins/backfill/test/define-backfill.test.ts runs this task type',
  'longshore submit article-slugs --wait --set connection=dev': 'of the task type that was left out',
};
/** These are for a task under way, and ours have ended; test/e2e/test/modify.test.ts and its neighbours have some that run. */
const FOR_RUNNING_TASKS = /^longshore task (modify|pause|resume|cancel) /;

let cluster: TestCluster;
let database: pg.Client;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-walk-'));
  const plugins = ['@longshore/plugin-add-index', '@longshore/plugin-backfill'];
  cluster = await startTestCluster({ plugins, slots: 4, connectStoreAs: 'dev' });
  database = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

/** Runs a command line as a shell would, in this process. */
async function run(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  let code = 0;
  const lines: string[] = [];
  const { natsUrl, natsToken, cluster: name } = cluster.cluster;
  const program = buildProgram(
    {
      program: 'longshore',
      env: { LONGSHORE_NATS_URL: natsUrl, LONGSHORE_CLUSTER: name, LONGSHORE_NATS_TOKEN: natsToken },
      cwd: folder,
      signal: AbortSignal.timeout(180_000),
      print: (text) => void lines.push(text),
      note: (text) => void lines.push(text),
      setExitCode: (exitCode) => void (code = exitCode),
    },
    '0.0.0',
  );
  await program.parseAsync([...args], { from: 'user' });
  return { code, output: lines.join('\n') };
}

test.each(['docs/add-index.md', 'docs/backfill.md'])(
  '%s can be followed from its first line to its last',
  async (page) => {
    onTestFailed(() => console.error(cluster.logs()));
    await database.query('DROP TABLE IF EXISTS orders');
    const ran: string[] = [];
    for (const { language, text } of readSnippets(root, page)) {
      // Fewer rows than a reader would want to see at work.
      if (language === 'sql') await database.query(text.replaceAll('1000000', String(ROWS)));
      if (language === 'json') writeFileSync(join(folder, 'index.json'), text);
      if (language !== 'sh') continue;
      for (const { words } of readCommands(text)) {
        const shown = words.join(' ');
        if (shown in LEFT_OUT || FOR_RUNNING_TASKS.test(shown)) continue;
        const { code, output } = await run(words.slice(1));
        expect(code, `${shown}\n${output}`).toBe(0);
        ran.push(shown);
      }
    }
    expect(ran.length).toBeGreaterThan(2);
    // Not all were waited for, and the next page begins with a table of the same name.
    for await (const { id } of cluster.client.listAll()) {
      const { task } = await (await cluster.client.task({ id })).wait({ signal: AbortSignal.timeout(180_000) });
      expect(task).toMatchObject({ outcome: 'succeeded' });
    }
  },
);
