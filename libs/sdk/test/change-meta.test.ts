import { expect, test } from 'vitest';
import { z } from 'zod';
import { changeMeta, metaSchema } from '../src/index.ts';

const submitted = z.strictObject({ table: z.string(), batchRows: z.int().default(100) });
const whole = submitted.extend({ prepared: z.string().optional() });
const schema = metaSchema<z.output<typeof whole>>({ submitted, whole });
const meta = { table: 'a', batchRows: 100, prepared: 'x' };
const change = (changes: Record<string, string | number | null>, changeable = ['batchRows']): Promise<object> =>
  changeMeta({ schema, meta, changes, changeable });

test('a key that may change does, and null gives it its default', async () => {
  expect(await change({ batchRows: 5 })).toEqual({ ...meta, batchRows: 5 });
  expect(await change({ batchRows: null })).toEqual(meta);
  await expect(change({ batchRows: 'five' })).rejects.toMatchObject({ code: 'META_INVALID' });
});

test.each([
  ['table', ["meta.table can't change any more", 'only batchRows can.', 'cancel the task']],
  ['tabel', ["meta.tabel is no key of this task type's meta; as things are only batchRows can change in it."]],
  ['prepared', ["meta.prepared is no key of this task type's meta"]],
  ['toString', ['meta.toString is no key']],
])('%s may not, and the error says why', async (key, texts) => {
  const error = await change({ [key]: 'b' }).catch((thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ code: 'ARGUMENT_INVALID', permanent: true });
  for (const text of texts) expect((error as Error).message).toContain(text);
});

test('where nothing may change any more, it says so', async () => {
  await expect(change({ table: 'b' }, [])).rejects.toThrow('no key can.');
  await expect(change({ x: 'b' }, [])).rejects.toThrow('as things are no key can change in it.');
});

test('a schema that leaves keys open knows them all', async () => {
  const open = z.looseObject({ table: z.string() });
  const changing = changeMeta({ schema: open, meta: { table: 'a' }, changes: { x: 1 }, changeable: [] });
  await expect(changing).rejects.toThrow("meta.x can't change any more");
});
