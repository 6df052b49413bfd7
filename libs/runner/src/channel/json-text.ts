/**
 * A value of plugin code as JSON. Refuses what JSON would silently drop or change beyond recognition, because the next step, or
 * the next attempt, would find it missing.
 *
 * @param what how errors call it, such as `the result`.
 * @throws {TypeError} naming the field that is not JSON.
 */
export function jsonText(value: unknown, what: string): string {
  const refuse = (key: string, reason: string): never => {
    throw new TypeError(`${what} is not JSON: ${key === '' ? 'it' : JSON.stringify(key)} is ${reason}`);
  };
  const text = JSON.stringify(value, (key, field: unknown) => {
    if (typeof field === 'bigint' || typeof field === 'function' || typeof field === 'symbol') {
      return refuse(key, `a ${typeof field}`);
    }
    if (field instanceof Map || field instanceof Set) return refuse(key, `a ${field.constructor.name}`);
    return field;
  }) as string | undefined;
  return text ?? refuse('', 'missing');
}
