import { expect, onTestFinished, test } from 'vitest';
import { GlobalsWatch } from '../../src/worker/globals-watch.ts';

/** Changes something for the rest of a test. */
function change(of: object, key: PropertyKey, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(of, key);
  onTestFinished(() => {
    Reflect.deleteProperty(of, key);
    if (before !== undefined) Object.defineProperty(of, key, before);
  });
  Object.defineProperty(of, key, { value, configurable: true, writable: true });
}

test.each<[what: string, of: object, key: PropertyKey]>([
  ['a new method of arrays', Array.prototype, 'last'],
  ['another method of texts', String.prototype, 'trim'],
  ['another JSON.parse', JSON, 'parse'],
  ['a field of all objects', Object.prototype, 'polluted'],
  ['a global variable', globalThis, 'leftBehind'],
  ['another fetch', globalThis, 'fetch'],
  ['a well-known symbol', RegExp.prototype, Symbol.match],
])('%s is a change', (_, of, key) => {
  const watch = new GlobalsWatch();
  expect(watch.isChanged()).toBe(false);
  change(of, key, () => 1);
  expect(watch.isChanged()).toBe(true);
});

test('use is none', async () => {
  const watch = new GlobalsWatch();
  new Map([[1, 2]]).get(1);
  RegExp('(a)').exec('a');
  await Promise.resolve(structuredClone({ a: new Date() }));
  crypto.randomUUID();
  expect(watch.isChanged()).toBe(false);
});
