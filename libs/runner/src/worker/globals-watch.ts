import { parentPort } from 'node:worker_threads';

/** A property that all code of a thread shares, as it was. */
interface Kept {
  readonly of: object;
  readonly key: PropertyKey;
  readonly value: unknown;
}

/** A getter and setter, as they were. */
interface KeptAccessor {
  readonly of: object;
  readonly key: PropertyKey;
  readonly get: unknown;
  readonly set: unknown;
}

/**
 * Tells whether code has changed what all code of a thread shares: the built-in objects, their prototypes, global variables, modules of
 * Node, the environment, and listeners of the runner itself. A task that comes into the thread later would meet it: `Array.prototype` with one
 * method more, a socket that connects to somewhere else, a `PGPASSWORD`.
 *
 * What lies within other modules is not compared. A look takes some 0.4 ms.
 */
export class GlobalsWatch {
  readonly #kept: readonly Kept[];
  readonly #accessors: readonly KeptAccessor[];
  readonly #shapes: readonly { readonly of: object; readonly count: number; readonly prototype: object | null }[];
  readonly #environment: string;
  readonly #listeners: number;

  /** Remembers how things are now: after the task type was loaded, because each runner loads it. */
  constructor() {
    const closed = builtIns();
    // These get new properties by themselves: when they are first used, or with time.
    const open = [process, console, ...modulesOfNode()];
    const kept: Kept[] = [];
    const accessors: KeptAccessor[] = [];
    for (const of of [...closed, ...open]) {
      for (const key of Reflect.ownKeys(of)) {
        const now: PropertyDescriptor = Object.getOwnPropertyDescriptor(of, key) ?? {};
        const value: unknown = now.value;
        if ('value' in now && (closed.has(of) || typeof value === 'function')) kept.push({ of, key, value });
        // Behind getters of others are objects of Node that are made when they are first asked for.
        else if ('get' in now && of !== globalThis && closed.has(of)) accessors.push({ of, key, ...accessorOf(now) });
      }
    }
    this.#kept = kept;
    this.#accessors = accessors;
    this.#shapes = [...closed].map((of) => ({ of, count: countOf(of), prototype: Reflect.getPrototypeOf(of) }));
    this.#environment = environment();
    this.#listeners = listeners();
  }

  isChanged(): boolean {
    try {
      return this.#isChanged();
    } catch {
      // What it is done with was changed.
      return true;
    }
  }

  /** By indexes: calls for each of some 2,000 properties took a quarter of a look, and the way through lists may be what was changed. */
  #isChanged(): boolean {
    for (let at = 0; at < this.#kept.length; at++) {
      const one = this.#kept[at];
      if (one !== undefined && !Object.is((one.of as Record<PropertyKey, unknown>)[one.key], one.value)) return true;
    }
    return (
      this.#shapes.some((shape) => isOther(shape)) ||
      this.#accessors.some((accessor) => isReplaced(accessor)) ||
      environment() !== this.#environment ||
      listeners() !== this.#listeners
    );
  }
}

function isOther({ of, count, prototype }: { of: object; count: number; prototype: object | null }): boolean {
  return countOf(of) !== count || Reflect.getPrototypeOf(of) !== prototype;
}

function isReplaced({ of, key, get, set }: KeptAccessor): boolean {
  const now = accessorOf(Object.getOwnPropertyDescriptor(of, key));
  return now.get !== get || now.set !== set;
}

function accessorOf(
  descriptor: { readonly get?: unknown; readonly set?: unknown } = {},
): Pick<KeptAccessor, 'get' | 'set'> {
  return { get: descriptor.get, set: descriptor.set };
}

/** Symbols of `globalThis` are left out: libraries find their other copies by them, and make them when they are first used. */
function countOf(of: object): number {
  return of === globalThis ? Object.getOwnPropertyNames(of).length : Reflect.ownKeys(of).length;
}

function environment(): string {
  return JSON.stringify(process.env);
}

/** Listeners that would hear what is sent to the next task, or keep what is thrown in it from ending the runner. */
function listeners(): number {
  const events = ['message', 'uncaughtException', 'unhandledRejection', 'disconnect'] as const;
  const ofProcess = events.map((event) => process.listenerCount(event));
  return ofProcess.reduce((sum, count) => sum + count, parentPort?.listenerCount('message') ?? 0);
}

/** The objects of the language, their prototypes, and those of Node that stand among the globals. */
function builtIns(): ReadonlySet<object> {
  const objects = new Set<object>([globalThis]);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
    // Behind getters are objects of Node that are made when they are first asked for.
    if (descriptor === undefined || !('value' in descriptor)) continue;
    const value: unknown = descriptor.value;
    if (typeof value === 'function') addClass(objects, value);
    else if (typeof value === 'object' && value !== null && BUILT_IN.has(name)) objects.add(value);
  }
  addClass(objects, Buffer);
  for (const hidden of withoutNames()) objects.add(hidden);
  return objects;
}

function addClass(objects: Set<object>, made: object): void {
  objects.add(made);
  const { prototype } = made as { readonly prototype?: unknown };
  if (typeof prototype === 'object' && prototype !== null) objects.add(prototype);
}

/** Objects of the language that no global names: what typed arrays, iterators, generators and asynchronous functions inherit from. */
function withoutNames(): readonly object[] {
  const generator = function* (): Generator<number> {
    yield 1;
  };
  const asyncGenerator = async function* (): AsyncGenerator<number> {
    yield await Promise.resolve(1);
  };
  const asyncFunction = async (): Promise<void> => Promise.resolve();
  const samples: readonly object[] = [
    Uint8Array,
    Uint8Array.prototype,
    [].values(),
    new Map().values(),
    new Set().values(),
    ''[Symbol.iterator](),
    ''.matchAll(/a/g),
    generator,
    generator.prototype as object,
    asyncGenerator,
    asyncGenerator.prototype as object,
    asyncFunction,
  ];
  const objects = new Set<object>();
  for (const sample of samples) {
    for (let of = Reflect.getPrototypeOf(sample); of !== null; of = Reflect.getPrototypeOf(of)) objects.add(of);
  }
  return [...objects];
}

/** Objects of the language among the globals. Others, such as `process` and `console`, change by themselves. */
const BUILT_IN: ReadonlySet<string> = new Set(['Atomics', 'Intl', 'JSON', 'Math', 'Reflect']);

/** Modules of Node that a session with a database goes through, and classes of theirs. */
function modulesOfNode(): readonly object[] {
  const objects = new Set<object>();
  for (const name of ['events', 'stream', 'net', 'tls', 'crypto', 'dns']) {
    const module: object | undefined = process.getBuiltinModule(name);
    if (module === undefined) continue;
    objects.add(module);
    for (const key of Object.getOwnPropertyNames(module)) {
      const value: unknown = Object.getOwnPropertyDescriptor(module, key)?.value;
      if (typeof value === 'function' && /^[A-Z]/.test(key)) addClass(objects, value);
    }
  }
  return [...objects];
}
