import type { MetaSchema } from './define-task-type.ts';
import type { JsonObject } from './json.ts';
import { TaskTypeError } from './task-type-error.ts';

/** What `changeMeta` needs to know. */
export interface MetaChange<Meta> {
  /** The type's schema. */
  readonly schema: MetaSchema<Meta>;
  /** The meta as it is. */
  readonly meta: Meta;
  /** What a user asked for: key and new value; null: as if it had not been given at submit. */
  readonly changes: JsonObject;
  /** Keys that may be changed as things are. */
  readonly changeable: readonly string[];
}

/**
 * The meta after a change of some of its keys, for `modifyMeta`: only keys that are named as changeable, each checked by the type's schema,
 * defaults filled in again.
 *
 * @throws {TaskTypeError} ARGUMENT_INVALID for a key that may not be changed or that the schema doesn't know, saying which may be; META_INVALID for a value that doesn't
 * fit, naming its field. Both are permanent.
 */
export async function changeMeta<Meta extends object>(change: MetaChange<Meta>): Promise<Meta> {
  const { schema, meta, changes, changeable } = change;
  const fixed = Object.keys(changes).find((key) => !changeable.includes(key));
  if (fixed !== undefined) {
    const allowed = changeable.length === 0 ? 'no key can' : `only ${changeable.join(', ')} can`;
    const message = isKnown(schema, fixed)
      ? `meta.${fixed} can't change any more; in this task's meta ${allowed}. To use another value, cancel the task and submit a new one.`
      : `meta.${fixed} is no key of this task type's meta; as things are ${allowed} change in it.`;
    throw new TaskTypeError('ARGUMENT_INVALID', message, { details: { key: fixed, changeable: [...changeable] } });
  }
  const kept = Object.entries(meta).filter(([key]) => !(key in changes));
  const given = Object.entries(changes).filter(([, value]) => value !== null);
  const checked = await schema['~standard'].validate(Object.fromEntries([...kept, ...given]));
  if (checked.issues === undefined) return checked.value;
  const issues = checked.issues.map(({ path, message }) => `${fieldOf(path)}: ${message}`).join('; ');
  throw new TaskTypeError('META_INVALID', `the changed meta doesn't fit its schema: ${issues}`);
}

/** Whether a meta may have a key. A schema that leaves other keys open, or can't be read, says nothing against it. */
function isKnown(schema: MetaSchema, key: string): boolean {
  try {
    const { properties, additionalProperties } = schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' });
    if (additionalProperties !== false || typeof properties !== 'object' || properties === null) return true;
    return Object.hasOwn(properties, key);
  } catch {
    return true;
  }
}

function fieldOf(path: readonly (PropertyKey | { readonly key: PropertyKey })[] = []): string {
  return ['meta', ...path.map((part) => String(typeof part === 'object' ? part.key : part))].join('.');
}
