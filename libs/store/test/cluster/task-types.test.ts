import { describe, expect, test } from 'vitest';
import { readTypes, registerType, type StoredType } from '../../src/index.ts';
import { useStoreServer } from '../fixtures/store-server.ts';

const server = useStoreServer();

const number = { type: 'integer', minimum: 1, description: 'How many.' };
const first: StoredType = {
  type: 'toy',
  version: '1.0.0',
  description: 'Sleeps.',
  contract: 1,
  steps: ['sleep', 'wake'],
  hooks: ['prepare', 'revert'],
  schema: {
    $schema: 'x',
    type: 'object',
    properties: { number, title: { type: 'string' } },
    required: ['number', 'title'],
  },
  defaults: { slots: 2 },
};

describe('the same version of a type', () => {
  test.each<[what: string, change: Partial<StoredType>]>([
    ['nothing else', {}],
    ['other words and defaults', { description: 'Dozes.', contract: 2, defaults: { slots: 4 } }],
    [
      'a schema with other words, in another order',
      {
        schema: {
          required: ['title', 'number'],
          properties: { title: { type: 'string' }, number: { minimum: 1, type: 'integer', description: 'Of sheep.' } },
          type: 'object',
        },
      },
    ],
    ['hooks in another order', { hooks: ['revert', 'prepare'] }],
  ])('with %s is renewed', async (_, change) => {
    const { db } = await server.store();
    await registerType(db, first);
    expect(await registerType(db, { ...first, ...change })).toEqual({ changed: [], isRegistered: true });
    expect(await readTypes(db, 'toy')).toEqual([{ ...first, ...change }]);
  });

  test.each<[what: string, change: Partial<StoredType>]>([
    ['schema', { schema: { ...first.schema, properties: { number: { ...number, minimum: 2 }, title: {} } } }],
    // A field may have the name of a keyword.
    ['schema', { schema: { ...first.schema, properties: { number } } }],
    ['steps', { steps: ['sleep'] }],
    ['hooks', { hooks: ['prepare'] }],
  ])('with another %s replaces it only where that is asked for', async (what, change) => {
    const { db } = await server.store();
    await registerType(db, first);
    expect(await registerType(db, { ...first, ...change })).toEqual({ changed: [what], isRegistered: false });
    expect(await readTypes(db, 'toy')).toEqual([first]);
    expect(await registerType(db, { ...first, ...change }, { replaces: true })).toEqual({
      changed: [what],
      isRegistered: true,
    });
    expect(await readTypes(db, 'toy')).toEqual([{ ...first, ...change }]);
  });

  test('registered by several executors at once is one of them, and the others are told', async () => {
    const { db } = await server.store();
    const types = [1, 2, 3, 4].map((minimum) => ({ ...first, schema: { type: 'integer', minimum } }));
    const registrations = await Promise.all(types.map((type) => registerType(db, type)));
    expect(registrations.filter(({ isRegistered }) => isRegistered)).toHaveLength(1);
  });
});
