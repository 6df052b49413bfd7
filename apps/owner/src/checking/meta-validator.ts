import { LongshoreError } from '@longshore/core';
import type { StoredType } from '@longshore/store';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';

// The package is CommonJS: its default export is a property of what Node imports.
const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default;

/** Checks metas against the JSON Schemas that types registered, and fills in their defaults. Compiled schemas are kept. */
export class MetaValidator {
  readonly #compiled = new Map<string, { readonly schema: string; readonly validate: ValidateFunction }>();

  /**
   * The meta with the schema's defaults filled in.
   *
   * @throws {LongshoreError} META_INVALID naming every field that is wrong.
   */
  validate(type: StoredType, meta: Readonly<Record<string, unknown>>): unknown {
    const filled = structuredClone(meta);
    const validate = this.#validator(type);
    if (validate(filled)) return filled;
    const problems = (validate.errors ?? []).map(describe);
    throw new LongshoreError(
      'META_INVALID',
      `meta of ${type.type}: ${[...new Set(problems)].join('; ')}. See: longshore type show ${type.type}`,
      { details: { fields: (validate.errors ?? []).map((error) => fieldOf(error)) } },
    );
  }

  #validator(type: StoredType): ValidateFunction {
    const name = `${type.type}@${type.version}`;
    const schema = JSON.stringify(type.schema);
    const known = this.#compiled.get(name);
    if (known?.schema === schema) return known.validate;
    const ajv = new Ajv2020({ allErrors: true, useDefaults: true, strict: false });
    addFormats(ajv);
    const validate = ajv.compile(type.schema);
    this.#compiled.set(name, { schema, validate });
    return validate;
  }
}

function fieldOf(error: ErrorObject): string {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const extra: unknown = error.params['additionalProperty'] ?? error.params['missingProperty'];
  return [path, typeof extra === 'string' ? extra : ''].filter((part) => part !== '').join('.') || 'meta';
}

function describe(error: ErrorObject): string {
  const field = fieldOf(error);
  if (error.keyword === 'additionalProperties') return `${field} is not a field of this type`;
  if (error.keyword === 'required') return `${field} is missing`;
  if (error.keyword === 'enum') return `${field} must be one of ${JSON.stringify(error.params['allowedValues'])}`;
  return `${field} ${error.message ?? 'is wrong'}`;
}
