/** A property of a built-in object, as it was. */
interface Kept {
  readonly of: object;
  readonly key: PropertyKey;
  readonly value: unknown;
}

/**
 * Tells whether code has changed what all code of a thread shares: the built-in objects, their prototypes, global variables. A task that comes into
 * the thread later would meet it: `Array.prototype` with one method more, a `JSON.parse` that answers something else.
 *
 * Only what stands in properties is compared, which takes some 0.3 ms. Getters, and what lies within modules, are not.
 */
export class GlobalsWatch {
  readonly #kept: readonly Kept[];
  readonly #counts: readonly { readonly of: object; readonly count: number }[];

  /** Remembers how things are now: after the task type was loaded, because each runner loads it. */
  constructor() {
    const objects = sharedObjects();
    this.#kept = objects.flatMap((of) =>
      Reflect.ownKeys(of).flatMap((key): Kept[] => {
        const descriptor = Object.getOwnPropertyDescriptor(of, key);
        return descriptor !== undefined && 'value' in descriptor
          ? [{ of, key, value: descriptor.value as unknown }]
          : [];
      }),
    );
    this.#counts = objects.map((of) => ({ of, count: countOf(of) }));
  }

  isChanged(): boolean {
    return (
      this.#counts.some(({ of, count }) => countOf(of) !== count) ||
      this.#kept.some(({ of, key, value }) => !Object.is((of as Record<PropertyKey, unknown>)[key], value))
    );
  }
}

/** Symbols of `globalThis` are left out: libraries find their other copies by them, and make them when they are first used. */
function countOf(of: object): number {
  return of === globalThis ? Object.getOwnPropertyNames(of).length : Reflect.ownKeys(of).length;
}

function sharedObjects(): readonly object[] {
  const objects = new Set<object>([globalThis]);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
    // Behind getters are objects of Node that are made when they are first asked for.
    if (descriptor === undefined || !('value' in descriptor)) continue;
    const value: unknown = descriptor.value;
    if (typeof value === 'function') {
      objects.add(value);
      const { prototype } = value as { readonly prototype?: unknown };
      if (typeof prototype === 'object' && prototype !== null) objects.add(prototype);
    } else if (typeof value === 'object' && value !== null && BUILT_IN.has(name)) objects.add(value);
  }
  return [...objects];
}

/** Objects of the language among the globals. Others, such as `process` and `console`, change by themselves. */
const BUILT_IN: ReadonlySet<string> = new Set(['Atomics', 'Intl', 'JSON', 'Math', 'Reflect']);
