/** The types of JSON Schema that the CLI tells apart. */
export type JsonKind = 'string' | 'number' | 'boolean' | 'null' | 'array' | 'object';

type Schema = Readonly<Record<string, unknown>>;

/** References that are followed one after the other: a schema may refer to itself. */
const MAX_DEPTH = 16;

/**
 * What a JSON Schema allows at a field of its objects.
 *
 * @param path - names of fields, from the outside inwards.
 * @returns null when the schema leaves it open, or doesn't know the field.
 */
export function kindsAt(schema: unknown, path: readonly string[]): ReadonlySet<JsonKind> | null {
  const found = path.reduce<readonly Schema[]>(
    (schemas, name) => schemas.flatMap((each) => fieldsOf(schema, each, name)),
    alternatives(schema, schema),
  );
  if (found.length === 0) return null;
  const kinds = new Set<JsonKind>();
  for (const each of found) {
    const own = kindsOf(each);
    if (own === null) return null;
    for (const kind of own) kinds.add(kind);
  }
  return kinds;
}

/** The schemas that a value may satisfy here: references followed, choices taken apart. */
function alternatives(root: unknown, schema: unknown, depth = 0): readonly Schema[] {
  if (!isSchema(schema) || depth > MAX_DEPTH) return [];
  const { $ref: reference } = schema;
  if (typeof reference === 'string') return alternatives(root, resolved(root, reference), depth + 1);
  const choices = [schema['anyOf'], schema['oneOf'], schema['allOf']].find(Array.isArray) as unknown[] | undefined;
  if (choices === undefined) return [schema];
  return choices.flatMap((choice) => alternatives(root, choice, depth + 1));
}

function fieldsOf(root: unknown, schema: Schema, name: string): readonly Schema[] {
  const { properties, additionalProperties: others } = schema;
  const known = isSchema(properties) && Object.hasOwn(properties, name) ? properties[name] : others;
  return alternatives(root, known);
}

function resolved(root: unknown, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined;
  return reference
    .slice(1)
    .split('/')
    .filter((part) => part !== '')
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, part) => (isSchema(at) ? at[part] : undefined), root);
}

function kindsOf(schema: Schema): readonly JsonKind[] | null {
  if ('const' in schema) return [kindOf(schema['const'])];
  if (Array.isArray(schema['enum'])) return schema['enum'].map(kindOf);
  const { type } = schema;
  const types = Array.isArray(type) ? (type as unknown[]) : type === undefined ? [] : [type];
  if (types.length === 0) return null;
  return types.map((each) => (each === 'integer' ? 'number' : (each as JsonKind)));
}

/** What kind of JSON a value is. */
export function kindOf(value: unknown): JsonKind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object';
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
