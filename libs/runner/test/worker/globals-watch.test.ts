import { EventEmitter, once } from 'node:events';
import { Socket } from 'node:net';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { GlobalsWatch } from '../../src/worker/globals-watch.ts';

/** As packages of CommonJS have it, which find what was changed of it. */
const crypto = createRequire(import.meta.url)('node:crypto') as object;

function* generator(): Generator<number> {
  yield 1;
}

/** Whether it is seen that something is changed. It is so for a moment alone: the test's own machinery lives by it. */
function isSeen(change: () => () => void): boolean {
  const watch = new GlobalsWatch();
  const undo = change();
  try {
    return watch.isChanged();
  } finally {
    undo();
  }
}

function replace(of: object, key: PropertyKey, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(of, key);
  Object.defineProperty(of, key, { value, configurable: true, writable: true, enumerable: true });
  return () => {
    Reflect.deleteProperty(of, key);
    if (before !== undefined) Object.defineProperty(of, key, before);
  };
}

test.each<[what: string, of: object, key: PropertyKey]>([
  ['a new method of arrays', Array.prototype, 'last'],
  ['another method of texts', String.prototype, 'trim'],
  ['another JSON.parse', JSON, 'parse'],
  ['a field of all objects', Object.prototype, 'polluted'],
  ['a global variable', globalThis, 'leftBehind'],
  ['another fetch', globalThis, 'fetch'],
  ['a well-known symbol', RegExp.prototype, Symbol.match],
  // Found by no name among the globals.
  ['another way through lists', Array.prototype, Symbol.iterator],
  ['another some', Array.prototype, 'some'],
  ['another fill of all typed arrays', Reflect.getPrototypeOf(Uint8Array.prototype) ?? {}, 'fill'],
  ['another step of arrays', Reflect.getPrototypeOf([].values()) ?? {}, 'next'],
  ['another next of generators', Reflect.getPrototypeOf(generator.prototype as object) ?? {}, 'next'],
  ['another Buffer.from', Buffer, 'from'],
  ['another method of Node', Socket.prototype, 'connect'],
  ['another emit', EventEmitter.prototype, 'emit'],
  ['another function of a module of Node', crypto, 'createHash'],
  ['another nextTick', process, 'nextTick'],
  ['another console.log', console, 'log'],
  ['a variable of the environment', process.env, 'PGPASSWORD'],
])('%s is a change', (_, of, key) => {
  expect(isSeen(() => () => undefined)).toBe(false);
  expect(isSeen(() => replace(of, key, of === process.env ? 'other' : () => 1))).toBe(true);
});

test.each<[what: string, change: () => () => void]>([
  [
    'another getter',
    () => {
      const before = Object.getOwnPropertyDescriptor(Map.prototype, 'size') ?? {};
      Object.defineProperty(Map.prototype, 'size', { ...before, get: () => 1 });
      return () => void Object.defineProperty(Map.prototype, 'size', before);
    },
  ],
  [
    'another prototype of a prototype',
    () => {
      Object.setPrototypeOf(Date.prototype, { polluted: 1 });
      return () => void Object.setPrototypeOf(Date.prototype, Object.prototype);
    },
  ],
  [
    'a listener that keeps the runner from ending by what is thrown in it',
    () => {
      const listener = (): void => undefined;
      process.on('uncaughtException', listener);
      return () => void process.off('uncaughtException', listener);
    },
  ],
  [
    'a listener to what the executor says',
    () => {
      const listener = (): void => undefined;
      process.on('message', listener);
      return () => void process.off('message', listener);
    },
  ],
])('%s is a change', (_, change) => {
  expect(isSeen(change)).toBe(true);
});

test('use is none', async () => {
  const watch = new GlobalsWatch();
  new Map([[1, 2]]).get(1);
  RegExp('(a)').exec('a');
  await Promise.resolve(structuredClone({ a: new Date() }));
  globalThis.crypto.randomUUID();
  await once(new Socket().destroy(), 'close');
  console.debug('');
  expect(performance.now()).toBeGreaterThan(0);
  expect(watch.isChanged()).toBe(false);
});
