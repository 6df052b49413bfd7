import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { closeDay } from './example/close-day.ts';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

test('the documentation shows the example as it is', async () => {
  const page = await readFile(new URL('../../../docs/writing-a-task-type.md', import.meta.url), 'utf8');
  const source = await readFile(new URL('./example/close-day.ts', import.meta.url), 'utf8');
  expect(page).toContain(`\`\`\`ts\n${source}\`\`\``);
});

test('an effect may be written with Kysely: run twice, done once, and undone with its transaction', async () => {
  const store = await target();
  const session = await store.session();
  await session.run('DROP TABLE IF EXISTS orders');
  await session.run('CREATE TABLE orders (id int PRIMARY KEY, day date NOT NULL, paid boolean NOT NULL)');
  await session.run(`INSERT INTO orders SELECT i, date '2026-01-01' + i % 2, false FROM generate_series(1, 10) i`);
  await store.openFence();
  const unpaid = () => session.run('SELECT count(*)::int AS n FROM orders WHERE NOT paid');
  const broken = store.attempt().connection.effectOnce(async (client) => {
    await closeDay(client, '2026-01-01');
    throw new Error('it fails behind');
  });
  await expect(broken).rejects.toThrow('it fails behind');
  expect(await unpaid()).toEqual([{ n: 10 }]);
  for (const [attempt, isRepeat] of [
    [2, false],
    [3, true],
  ] as const) {
    const { connection } = store.attempt({ attempt });
    const done = await connection.effectOnce((client) => closeDay(client, '2026-01-01'));
    expect(done).toEqual({ result: { rows: 5 }, isRepeat });
  }
  expect(await unpaid()).toEqual([{ n: 5 }]);
});
