/** What crosses between a task type and its host, and is recognised there. */
export type Brand = 'subtask-postponed' | 'subtask-stopped' | 'task-type-error';

/**
 * Marks a class with a symbol that all copies of this package share. Plugin and host may each have a copy of their own, so neither can
 * tell the other's objects by their class.
 */
export function brand(type: { readonly prototype: object }, name: Brand): void {
  Object.defineProperty(type.prototype, symbolOf(name), { value: true });
}

/** Whether a value is of the class with this brand, of whichever copy. */
export function hasBrand(value: unknown, name: Brand): boolean {
  return typeof value === 'object' && value !== null && symbolOf(name) in value;
}

function symbolOf(name: Brand): symbol {
  return Symbol.for(`longshore.${name}`);
}
