/**
 * Marks a class with a symbol that all copies of its package share: an application may have several, which can't tell each other's
 * errors by their class.
 *
 * @param name unique among our classes, such as `remote-error`.
 */
export function brand(type: { readonly prototype: object }, name: string): void {
  Object.defineProperty(type.prototype, symbolOf(name), { value: true });
}

/** Whether a value is of the class with this brand, of whichever copy. */
export function hasBrand(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && symbolOf(name) in value;
}

function symbolOf(name: string): symbol {
  return Symbol.for(`longshore.${name}`);
}
