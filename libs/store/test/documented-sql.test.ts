import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { listTasks } from '../src/index.ts';
import { useStoreServer } from './fixtures/store-server.ts';

const server = useStoreServer();

/** The SQL blocks of a page, in their order. */
function sqlOf(page: string): readonly string[] {
  const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), 'utf8');
  return Array.from(text.matchAll(/^```sql\n([^]*?)^```$/gm), ([, block]) => block ?? '');
}

test('every SQL block of submitting.md works as it stands, and its grants are all that a role needs', async () => {
  const store = await server.ownStore();
  const admin = await store.session();
  await admin.run('CREATE ROLE shop');
  const blocks = sqlOf('submitting.md');
  const isGrant = (block: string): boolean => block.startsWith('GRANT');
  const submits = blocks.filter((block) => !isGrant(block));
  // A page that has more or fewer blocks has another test to get.
  expect([submits.length, blocks.length]).toEqual([2, 3]);
  await admin.run('SET ROLE shop');
  for (const submit of submits) await expect(admin.run(submit)).rejects.toMatchObject({ code: '42501' });
  await admin.run('RESET ROLE');
  for (const grant of blocks.filter(isGrant)) await admin.run(grant);
  await admin.run('SET ROLE shop');
  for (const submit of submits) {
    const [row] = await admin.run<{ submit_task: string }>(submit);
    expect(row?.submit_task).toMatch(/^\d+$/);
  }
  expect(await listTasks(store.db, { withHistory: false, limit: 9 })).toMatchObject([
    { type: 'export-order', key: 'export-order-4711', run: 1 },
    { type: 'import', key: 'orders-2026-11-23', run: 1 },
  ]);
  await expect(admin.run('SELECT 1 FROM longshore.tasks')).rejects.toMatchObject({ code: '42501' });
});

test('every SQL block of going-gently.md works as it stands, and its role can read what gates look at', async () => {
  const store = await server.ownStore();
  const admin = await store.session();
  // A database of the user's, where the sessions of the store would look into its own schema.
  await admin.run('SET search_path = public');
  await admin.run('CREATE TABLE flags (name text); CREATE TABLE job_windows (name text)');
  const blocks = sqlOf('going-gently.md');
  expect(blocks).toHaveLength(1);
  for (const block of blocks) await admin.run(block);
  await admin.run('SET ROLE gates');
  expect(await admin.run('SELECT * FROM flags, job_windows')).toEqual([]);
  expect(await admin.run(`SELECT pg_has_role('pg_monitor', 'MEMBER') AS is_member`)).toEqual([{ is_member: true }]);
});
