import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions } from '@longshore/service';
import { expect, onTestFinished, test } from 'vitest';
import { EXECUTOR_OPTIONS, readConnections, readGateConnections } from '../../src/node/executor-options.ts';

const parse = (env: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> =>
  parseOptions('executor', 'Runs subtasks.', EXECUTOR_OPTIONS, [], env);

test.each(['1', '4096'])('a node may have %s slots', (slots) => {
  expect(parse({ LONGSHORE_SLOTS: slots })).toMatchObject({ slots: Number(slots) });
});

test.each(['0', '-1', '4097', '1.5', 'many'])('a node does not start with %s slots', (slots) => {
  expect(() => parse({ LONGSHORE_SLOTS: slots })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(/LONGSHORE_SLOTS/) }),
  );
});

test('connections come from their variables or from files, those of gates apart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-connections-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'shop'), 'postgres://loader:s3cret@db/shop\n');
  const env = {
    LONGSHORE_CONNECTION_WAREHOUSE: 'postgres://warehouse',
    LONGSHORE_CONNECTION_SHOP_FILE: join(folder, 'shop'),
    LONGSHORE_CONNECTION_EMPTY: '',
    LONGSHORE_GATE_CONNECTION_SHOP: 'postgres://gates@db/shop',
  };
  expect(readConnections(env)).toEqual({ warehouse: 'postgres://warehouse', shop: 'postgres://loader:s3cret@db/shop' });
  expect(readGateConnections(env)).toEqual({ shop: 'postgres://gates@db/shop' });
  expect(() => readConnections({ LONGSHORE_CONNECTION_SHOP_FILE: '/nowhere' })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error,
  );
});
